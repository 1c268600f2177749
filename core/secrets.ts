import { dirname, join } from 'node:path'
import { hostsOfPlay, type Play } from './declare/play.ts'
import { asCaravanError } from './errors.ts'
import type { Opened } from './playbook.ts'
import { HAS_MARK } from './resources/standing.ts'
import { identityPath } from './secrets/identity.ts'
import type { LifeInput } from './secrets/life.ts'

/** Where the secrets of an inventory are, and what opens them: beside it; those of the lab beside the lab's. */
export const secretsPlace = ({
  options,
  inventory,
  dir,
  ui,
  interactive,
}: Opened): Pick<LifeInput, 'file' | 'identity' | 'makesIdentity' | 'askPassphrase'> => ({
  file: join(dirname(inventory.file), 'secrets.age'),
  identity: identityPath(options.lab ? dir : undefined),
  makesIdentity: options.lab,
  askPassphrase: interactive ? (question) => ui.askPassword(question) : undefined,
})

/**
 * The first server of the inventory that carries the mark of an established cluster, whatever `--limit` says.
 * @throws CaravanError when one cannot be asked: then it is not known.
 */
export const establishedServer = async (
  plays: readonly Play[],
  { inventory, fleet, interactive }: Opened,
): Promise<string | undefined> => {
  const clustered = plays.filter(({ cluster }) => cluster !== undefined)
  const servers = new Set(clustered.flatMap((play) => hostsOfPlay(play, inventory)))
  const marks = await Promise.all(
    [...servers].map(async (host) => {
      const ask = () => fleet.transport(host).run(`${HAS_MARK} 2>/dev/null`)
      const { code } = await ask()
        .catch(async (error) => {
          if (!interactive || error.askable !== true) throw error
          await fleet.ask(host)
          return ask()
        })
        .catch((error) => {
          throw asCaravanError(error).with({
            host: host.name,
            detail: 'there is no secrets.age, and new secrets are made only when no server has a cluster yet',
          })
        })
      return code === 0 ? host.name : undefined
    }),
  )
  return marks.find((name) => name !== undefined)
}
