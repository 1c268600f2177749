import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { on } from './machines.ts'

const root = join(import.meta.dirname, '../..')

/** How a playbook ended, and all that it said. */
export type Rolled = Readonly<{ exit: number | null; said: string }>

/** Runs a playbook on the lab, without asking. */
export const rollBy = (playbook: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Rolled> =>
  new Promise((resolve, reject) => {
    const child = spawn('node_modules/.bin/node', [playbook, '--lab', '--yes', ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    const hear = (piece: Buffer) => {
      said += piece.toString()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', reject).once('exit', (exit) => resolve({ exit, said }))
  })

/** From the stop of a unit to the start that follows, in seconds. */
export type Outage = Readonly<{ name: string; from: number; to: number }>

/** Runs the playbook of the toy cluster. */
export const roll = (...args: readonly string[]): Promise<Rolled> => rollBy('test/lab/toy-cluster.mjs', args)

/** When the unit of a machine was down, by its journal. */
export const outagesOf = async (name: string, since: number, unit = 'toy.service'): Promise<readonly Outage[]> => {
  const lines = await on(
    name,
    `journalctl -q -o short-unix --no-pager -u ${unit} --since @${since} | grep -E ' (Stopping|Started) ' || :`,
  )
  const outages: Outage[] = []
  let from: number | undefined
  for (const line of lines.split('\n').filter((one) => one !== '')) {
    const time = Number(line.split(' ')[0])
    if (line.includes('Stopping')) from = time
    else if (from !== undefined) {
      outages.push({ name, from, to: time })
      from = undefined
    }
  }
  return outages
}

/** Which outages of different machines overlap. */
export const overlaps = (outages: readonly Outage[]): readonly string[] =>
  outages.flatMap((one, index) =>
    outages
      .slice(index + 1)
      .flatMap((other) =>
        one.name !== other.name && one.from < other.to && other.from < one.to
          ? [`${one.name} and ${other.name} at ${one.from}`]
          : [],
      ),
  )

/** Seconds, by a machine's clock. */
export const now = async (): Promise<number> => Number(await on('node-1', 'date +%s'))

/** Removes the toy cluster from a machine. */
export const removeToy = `systemctl disable -q --now toy.service 2>/dev/null || :
rm -rf /etc/systemd/system/toy.service /srv/toy /var/lib/caravan/established-toy /run/caravan/toy.service
systemctl daemon-reload`
