import { compared, examine, type Health, type Question } from './converge/health.ts'
import { CONTROLLER, type Host } from './declare/host.ts'
import type { Inventory } from './declare/inventory.ts'
import type { Means } from './declare/means.ts'
import { hostsOfPlay, type Play } from './declare/play.ts'
import { asCaravanError, CaravanError } from './errors.ts'
import { type Opened, type Playbook, runPlaybook } from './playbook.ts'
import { limiter } from './remote/limiter.ts'
import { openSecrets } from './secrets/life.ts'
import { lifeOf, selectPlays } from './site.ts'
import { printError } from './terminal/errors.ts'
import { statusEvents, statusLines } from './terminal/status-view.ts'

/** A playbook that asks hosts how they do. `plays` are those of the site. */
export type Status = Playbook & Readonly<{ plays: readonly Play[] }>

/**
 * Asks every host the questions of its roles, in one round trip each, and changes nothing. The exit status is 0 when
 * all is well and every host answered, or else 1.
 */
export const status = (definition: Status): Promise<void> =>
  runPlaybook(
    { extra: { deep: { type: 'boolean', summary: 'also what takes long, or starts something' } }, ...definition },
    definition.plays.map(({ role }) => role),
    (opened) => tell(definition.plays, opened),
  )

const tell = async (plays: readonly Play[], opened: Opened): Promise<number> => {
  const { options, inventory, hosts } = opened
  const selected = selectPlays(plays, options.roles, inventory)
  const chosen = plays.filter((_, index) => selected.has(index))
  const { secrets } = await openSecrets(lifeOf(plays, selected, opened))
  const limit = limiter(options.forks)
  const asked = hosts.filter(({ name }) => name !== CONTROLLER)
  const answers = await Promise.allSettled(asked.map((host) => limit(() => askHost(chosen, secrets, opened, host))))
  const found = compared(answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])))
  const errors = answers.flatMap((answer, index) =>
    answer.status === 'rejected' ? [named(answer.reason, asked[index]?.name)] : [],
  )
  process.stdout.write(options.json ? statusEvents(found) : statusLines(found, options.verbose))
  if (errors.length > 0) printError(new AggregateError(errors), options)
  return errors.length === 0 && found.every(({ well }) => well) ? 0 : 1
}

const named = (error: unknown, host: string | undefined): CaravanError => {
  const known = asCaravanError(error)
  return known.details.host === undefined ? new CaravanError(known.message, { ...known.details, host }) : known
}

const askHost = async (
  plays: readonly Play[],
  secrets: Means['secrets'],
  { options, inventory, fleet }: Opened,
  host: Host,
): Promise<readonly Health[]> => {
  const questions = questionsFor(plays, inventory, host, secrets).filter(
    ({ check }) => options.extra.deep === true || check.deep !== true,
  )
  return examine(host.name, fleet.transport(host), questions)
}

/** What the roles of a host want to know. */
export const questionsFor = (
  plays: readonly Play[],
  inventory: Inventory,
  host: Host,
  secrets: Means['secrets'],
): readonly Question[] =>
  plays.flatMap((play) => {
    if (!hostsOfPlay(play, inventory).some(({ name }) => name === host.name)) return []
    const { role } = play
    const vars = role.vars.parse(host.vars[role.name] ?? {})
    const input = { host, hosts: inventory.hosts, cluster: inventory.cluster, vars, secrets: secrets(role, true) }
    return role.health(input).map((check) => ({ role: role.name, check }))
  })
