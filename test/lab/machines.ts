import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { PlannedEvent, RunEvent } from '../../core/terminal/events.ts'
import { labDir, labUp, nodeNamed } from '../../lab/index.ts'
import { sshOptions } from '../../lab/ssh.ts'

export const NODES = ['node-1', 'node-2', 'node-3'] as const
export const labInventory = (): string => join(labDir(), 'inventory.yaml')

/** How a playbook ended and what it told. */
export type Ran = Readonly<{
  exit: number | null
  events: readonly RunEvent[]
  /** As it was printed. */
  stdout: string
  stderr: string
  /** Error events as people read them: `node-1 › docker › json /etc/docker/daemon.json: …`. */
  errors: readonly string[]
  summary: Extract<RunEvent, { event: 'summary' }> | undefined
}>

export type Watch = (event: RunEvent, child: ChildProcess) => void

const root = join(import.meta.dirname, '../..')

/** Runs `site.mjs --json` as a person would, on the pinned Node; `watch` sees each event, `wrapper` is what runs it. */
export const site = (args: readonly string[], watch: Watch = () => {}, wrapper: readonly string[] = []): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const node = ['node_modules/.bin/node', 'node_modules/.bin/zx']
    const [program = '', ...words] = [...wrapper, ...node, 'playbooks/site.mjs', ...place(args), '--json', ...args]
    // a group of its own, so that a test can kill ssh together with the controller
    const child = spawn(program, words, {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const events: RunEvent[] = []
    let [stdout, rest, stderr] = ['', '', '']
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece))
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      stdout += piece
      const lines = (rest + piece).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const event = JSON.parse(line) as RunEvent
        events.push(event)
        watch(event, child)
      }
    })
    child.once('error', reject).once('close', (exit) => resolve(asRan(exit, events, stdout, stderr)))
  })

// A run with an inventory of its own must not bring up the lab: it may be about a machine that is off.
const place = (args: readonly string[]): readonly string[] => (args.includes('--inventory') ? [] : ['--lab'])

const asRan = (exit: number | null, events: readonly RunEvent[], stdout: string, stderr: string): Ran => ({
  exit,
  events,
  stdout,
  stderr,
  errors: events.flatMap((event) => (event.event === 'error' ? [errorText(event.error)] : [])),
  summary: events.find((event) => event.event === 'summary'),
})

const errorText = ({ host, role, resource, message, detail, hint }: Extract<RunEvent, { event: 'error' }>['error']) =>
  `${[host, role, resource].filter((part) => part !== undefined).join(' › ')}: ${message}\n${detail ?? ''}\ntry: ${hint ?? ''}`

/** Brings the lab up and converges it, so that a test begins where it has to, whatever ran before. */
export const converged = async (t: ExecutionContext, ...args: readonly string[]): Promise<Ran> => {
  await labUp({ nodes: NODES.length, log: t.log })
  const ran = await site(['--yes', '--lock-wait', '120', ...args])
  t.is(ran.exit, 0, [ran.stderr, ...ran.errors].join('\n'))
  return ran
}

// What a host is without its part in the cluster: enough where a test is about the engine, and quick.
const HOST_ROLES = ['--roles', 'base,docker'] as const

/** As `site`, but only the roles that a host has by itself, unless the arguments say which. */
export const hostSite: typeof site = (args, ...more) =>
  site(args.includes('--roles') ? args : [...HOST_ROLES, ...args], ...more)

/** As `converged`, for those roles. */
export const hostsConverged = (t: ExecutionContext, ...args: readonly string[]): Promise<Ran> =>
  converged(t, ...HOST_ROLES, ...args)

/** Runs a script as root on a machine, outside of Caravan and without any stdin, and gives its stdout. */
export const on = (name: string, script: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const args = [...sshOptions(), '-n', '-o', 'BatchMode=yes', `root@${nodeNamed(name).address}`, `set -e\n${script}`]
    execFile('ssh', args, { maxBuffer: 1e9, timeout: 300_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim())
      else reject(new Error(`${name}: ${script}\n${stdout}${stderr}(exit ${error.code})`))
    })
  })

/** The plan of one host, a line for each resource: `firm service docker.service: restart`. */
export const planOf = ({ events }: Ran, host: string): readonly string[] =>
  (plans(events).at(-1)?.hosts[host] ?? []).map(
    ({ kind, resource, changes }) => `${kind} ${resource}: ${changes.map(({ property }) => property).join(', ')}`,
  )

/** What others changed, by host: `backend web: - → server x 10.0.0.1:1`. */
export const foreignOf = ({ events }: Ran): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    Object.entries(plans(events).at(-1)?.foreign ?? {}).map(([host, all]) => [
      host,
      all.flatMap(({ changes }) => changes.map(({ property, from, to }) => `${property}: ${from} → ${to}`)),
    ]),
  )

/** All planned resources but waits, as `node-1 › package curl`. */
export const plannedIn = ({ events }: Ran, ...kinds: readonly PlannedEvent['kind'][]): ReadonlySet<string> =>
  new Set(
    Object.entries(plans(events).at(-1)?.hosts ?? {}).flatMap(([host, planned]) =>
      planned.filter(({ kind }) => kinds.includes(kind)).map(({ resource }) => `${host} › ${resource}`),
    ),
  )

/** What was changed, as `node-1 › package curl`. */
export const appliedIn = ({ events }: Ran): ReadonlySet<string> =>
  new Set(
    events.flatMap((event) =>
      event.event === 'applied' && event.kind === 'change' ? [`${event.host} › ${event.resource}`] : [],
    ),
  )

const plans = (events: readonly RunEvent[]) => events.filter((event) => event.event === 'plan')

/** Changes with every start of the unit. */
export const invocationOf = (name: string, unit: string): Promise<string> =>
  on(name, `systemctl show -p InvocationID --value ${unit}`)

/** Path → kind, mode, owner, link target and content's sha256 of everything below the directories of a machine. */
export const treeOf = async (name: string, directories: string): Promise<ReadonlyMap<string, string>> => {
  const listed = await on(
    name,
    `find ${directories} -printf '%p\\t%y %m %U:%G %l\\n'; echo =; find ${directories} -type f -print0 | xargs -0r sha256sum`,
  )
  const [stats = '', sums = ''] = listed.split('\n=\n')
  const hashes = new Map(sums.split('\n').map((line) => [line.slice(66), line.slice(0, 64)]))
  return new Map(
    stats.split('\n').map((line) => {
      const [path = '', stat = ''] = line.split('\t')
      return [path, `${stat} ${hashes.get(path) ?? ''}`]
    }),
  )
}

/** The keys under which two maps differ. */
export const differing = (one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): readonly string[] =>
  [...new Set([...one.keys(), ...other.keys()])].filter((key) => one.get(key) !== other.get(key)).sort()

/** What a run that was cut off must never leave behind: half files, half-installed packages, a lock that is held. */
export const tornOn = (name: string): Promise<string> =>
  on(
    name,
    `find / -xdev -name '.*.caravan' -print
dpkg --audit
[ "$(grep -c 'caravan cluster' /etc/hosts)" = 2 ] || cat /etc/hosts
find /etc -xdev -type f -size 0 -newer /etc/machine-id -path '*caravan*'
[ ! -e /run/caravan/lock ] || flock -n /run/caravan/lock true || echo the lock is held`,
  )

/** The lab's inventory as text, for tests that write one of their own. */
export const inventoryText = (): string => readFileSync(labInventory(), 'utf8')
