import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { RunEvent } from '../../core/terminal/events.ts'
import { labUp } from '../../lab/index.ts'
import { NODES, on } from '../lab/machines.ts'
import { RESET, wrongOn } from './victim.ts'

/** How a playbook ended and what it told. */
export type Ran = Readonly<{
  /** null: it was killed. */
  exit: number | null
  events: readonly RunEvent[]
  stderr: string
  /** Errors and warnings as people read them: `node-1 › file /srv/x: …`. */
  said: readonly string[]
  /** Hosts that an error names. */
  failed: readonly string[]
  /** Wall time. */
  seconds: number
}>

export type Watch = (event: RunEvent, child: ChildProcess) => void

const root = join(import.meta.dirname, '../..')

/** Runs a playbook with `--json` on the lab; `watch` sees each event as it comes. Rejects for a line that is no event. */
export const runPlaybook = (
  file: string,
  args: readonly string[],
  { watch = () => {}, env = {} }: { watch?: Watch; env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const began = Date.now()
    // a group of its own, so that ssh can be killed together with the controller
    const child = spawn('node_modules/.bin/node', ['node_modules/.bin/zx', file, '--lab', '--json', ...args], {
      cwd: root,
      detached: true,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const events: RunEvent[] = []
    let [rest, stderr] = ['', '']
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece))
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      const lines = (rest + piece).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        try {
          const event = JSON.parse(line) as RunEvent
          events.push(event)
          watch(event, child)
        } catch (error) {
          reject(error)
        }
      }
    })
    child
      .once('error', reject)
      .once('exit', (exit) => resolve({ ...asRan(exit, events, stderr), seconds: (Date.now() - began) / 1000 }))
  })

const asRan = (exit: number | null, events: readonly RunEvent[], stderr: string) => ({
  exit,
  events,
  stderr,
  said: events.flatMap((event) => {
    if (event.event === 'error') return [textOf(event.error)]
    return event.event === 'warning' ? [textOf(event)] : []
  }),
  failed: events.flatMap((event) => (event.event === 'error' && event.error.host ? [event.error.host] : [])),
})

const textOf = (
  told: Readonly<{
    host?: string | undefined
    resource?: string | undefined
    message: string
    detail?: string | undefined
  }>,
) =>
  `${[told.host, told.resource].filter((part) => part !== undefined).join(' › ')}: ${told.message}${told.detail === undefined ? '' : `\n${told.detail}`}`

/** The playbook of the victim, applied without asking. */
export const converge = (generation: number, args: readonly string[] = [], watch: Watch = () => {}): Promise<Ran> =>
  runPlaybook('test/faults/victim.mjs', ['--yes', '--vars', `faults.generation=${generation}`, ...args], { watch })

/** The same under `--check`. */
export const check = (generation: number, args: readonly string[] = []): Promise<Ran> =>
  runPlaybook('test/faults/victim.mjs', ['--check', '--vars', `faults.generation=${generation}`, ...args])

/** The same script on all machines at once. */
export const onAll = (script: string): Promise<readonly string[]> => Promise.all(NODES.map((name) => on(name, script)))

/** What every file begins with: machines, what earlier tests left taken away, and a victim that is right. */
export const begin = async (t: ExecutionContext, reset = RESET): Promise<void> => {
  await labUp({ nodes: NODES.length, log: t.log })
  await onAll(reset)
  await holds(t, 0)
}

/** The law: the next run converges, a check after it finds nothing, and nothing is torn, owed or held. Gives that run. */
export const holds = async (t: ExecutionContext, generation: number): Promise<Ran> => {
  const next = await converge(generation, ['--lock-wait', '300'])
  t.is(next.exit, 0, ['the next run does not converge', next.stderr, ...next.said].join('\n'))
  const checked = await check(generation)
  t.is(checked.exit, 0, ['the check after it finds something', checked.stderr, ...checked.said].join('\n'))
  t.deepEqual(
    await onAll(wrongOn(generation)),
    NODES.map(() => ''),
  )
  return next
}

/** No failure may look like a defect of the program. */
export const civil = (t: ExecutionContext, { stderr, said }: Ran): void => {
  const all = [stderr, ...said].join('\n')
  t.notRegex(all, /^\s+at \S+ \(|node:internal|TypeError|defect of Caravan/m, all)
}
