/**
 * What a run that changes nothing costs, held against a bare `ssh` to all hosts at once that runs an equal probe;
 * directly, and through relays that make a round trip of 30 ms (not every kernel has netem).
 * npm run bench: the lab must be up and converged (playbooks/site.mjs --lab --yes).
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { labDir } from '../../lab/index.ts'
import { sshOptions } from '../../lab/ssh.ts'
import { inventoryText } from './machines.ts'
import { metered, type Usage, usageIn } from './meter.ts'
import { type Relay, relay } from './relay.ts'

const ROUNDS = 7
const room = mkdtempSync(join(tmpdir(), 'caravan-bench-'))
const usageFile = join(room, 'usage')

type Host = Readonly<{ name: string; address: string }>
const hosts: readonly Host[] = Object.entries<{ address: string }>(parse(inventoryText()).hosts).map(
  ([name, { address }]) => ({ name, address }),
)

type Cost = Readonly<{ seconds: number; stdout: string }>

const timed = (command: string, args: readonly string[], input = '', env = process.env): Promise<Cost> =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    const child = spawn(command, args, { env, stdio: 'pipe' })
    let [stdout, stderr] = ['', '']
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      stderr += piece
    })
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      stdout += piece
    })
    // a command that ends before it has read its input says so by its exit status
    child.stdin.on('error', () => {})
    child.once('error', reject).once('close', (code) => {
      if (code === 0) resolve({ seconds: (performance.now() - began) / 1000, stdout })
      else reject(new Error(`${command} ${args.join(' ')}: exit ${code}\n${stdout}${stderr}`))
    })
    child.stdin.end(input)
  })

/** What the site sends to a host when nothing changes: the remote command of its ssh, and all that it reads. */
type Sent = Readonly<{ host: Host; command: string; input: string }>

/** Runs the site with an `ssh` before the real one that keeps a copy of what is sent. */
const record = async (): Promise<readonly Sent[]> => {
  const copies = join(room, 'sent')
  mkdirSync(join(room, 'bin'))
  mkdirSync(copies)
  const wrapper = `#!/bin/sh
umask 077
PATH=\${PATH#*:}
copy=${copies}/$$
for last; do address=$command command=$last; done
printf %s "$address" >$copy.address
printf %s "$command" >$copy.command
tee $copy.input | exec ssh "$@"
`
  writeFileSync(join(room, 'bin/ssh'), wrapper, { mode: 0o755 })
  await site(direct, [], { PATH: `${room}/bin:${process.env.PATH}` })
  const read = (name: string): string => readFileSync(join(copies, name), 'utf8')
  const ids = readdirSync(copies).flatMap((name) => /^(\d+)\.input$/.exec(name)?.[1] ?? [])
  return hosts.map((host) => {
    // to open a connection costs a small command of its own
    const [longest] = ids
      .filter((id) => read(`${id}.address`) === host.address)
      .map((id) => ({ host, command: read(`${id}.command`), input: read(`${id}.input`) }))
      .sort((one, other) => other.input.length - one.input.length)
    if (longest === undefined) throw new Error(`nothing was sent to ${host.name}`)
    return longest
  })
}

/** How the machines are reached: directly, or through relays. */
type Way = Readonly<{ name: string; site: readonly string[]; ssh: (host: Host) => readonly string[] }>

const direct: Way = { name: ' 0 ms', site: ['--lab'], ssh: ({ address }) => [`root@${address}`] }

const throughRelays = (relays: ReadonlyMap<string, Relay>): Way => {
  // beside the lab's own, where its secrets are
  const file = join(labDir(), 'bench.yaml')
  const data = parse(inventoryText())
  for (const [name, { address, port }] of relays) Object.assign(data.hosts[name], { address, port })
  writeFileSync(file, stringify(data))
  return {
    name: '30 ms',
    site: ['--inventory', file],
    ssh: (host) => {
      const { address, port } = relays.get(host.name) as Relay
      return ['-o', `HostKeyAlias=${host.address}`, '-p', `${port}`, `root@${address}`]
    },
  }
}

const bareOptions = [...sshOptions(), '-o', 'ControlMaster=auto', '-o', 'ControlPersist=600']
const bare = async (way: Way): Promise<number> => {
  const began = performance.now()
  await Promise.all(
    sent.map(({ host, command, input }) => {
      const socket = `ControlPath=${join(room, `${way.name.replaceAll(' ', '')}-${host.name}`)}`
      return timed('ssh', [...bareOptions, '-o', socket, ...way.ssh(host), command], input)
    }),
  )
  return (performance.now() - began) / 1000
}

const IDENTITY = join(labDir(), 'age-identity.txt')

// The controller alone, without its ssh clients: they cost the bare run the same.
const usages: Usage[] = []
const site = async (way: Way, command: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<number> => {
  // a cache directory of its own: no connection of anybody else's is closed
  const env = {
    ...process.env,
    XDG_CACHE_HOME: room,
    CARAVAN_AGE_IDENTITY: IDENTITY,
    NODE_OPTIONS: metered(usageFile),
    ...more,
  }
  const args = [...command, 'playbooks/site.mjs', ...way.site, '--yes', '--json']
  const { seconds, stdout } = await timed('node_modules/.bin/node', args, '', env)
  const { hosts } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  for (const [name, { changed, roundTrips }] of Object.entries<{ changed: number; roundTrips: number }>(hosts)) {
    if (changed !== 0 || roundTrips !== 1) throw new Error(`${name}: ${changed} changes, ${roundTrips} round trips`)
  }
  usages.push(usageIn(usageFile))
  return seconds
}

const closeMasters = async (): Promise<void> => {
  const files = readdirSync(room, { withFileTypes: true, recursive: true })
  const sockets = files.flatMap((entry) => (entry.isSocket() ? [join(entry.parentPath, entry.name)] : []))
  await Promise.all(sockets.map((socket) => timed('sh', ['-c', `ssh -O exit -S '${socket}' any 2>/dev/null || :`])))
}

const median = (all: readonly number[]): number =>
  [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN

const measure = async (way: Way, before: () => Promise<unknown>) => {
  const runs = {
    bare: () => bare(way),
    'node playbooks/site.mjs': () => site(way, []),
    'node zx playbooks/site.mjs': () => site(way, ['node_modules/.bin/zx']),
  }
  const times = new Map<string, number[]>()
  // in turn, so that whatever else this computer does hits all alike
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(runs)) {
      await before()
      times.set(name, [...(times.get(name) ?? []), await run()])
    }
  }
  return times
}

const print = (title: string, times: ReadonlyMap<string, readonly number[]>): void => {
  const reference = median(times.get('bare') ?? [])
  for (const [name, all] of times) {
    const [least, most] = [Math.min(...all), Math.max(...all)]
    const spread = `${least.toFixed(3)} to ${most.toFixed(3)}`
    const ratio = `${(median(all) / reference).toFixed(2)} ×  (aim: ≤ 2 × + 0.5 s = ${(2 * reference + 0.5).toFixed(3)})`
    console.log(
      `${title}  ${name.padEnd(28)} ${median(all).toFixed(3)} s  (${spread})  ${name === 'bare' ? '' : ratio}`,
    )
  }
}

/** Warm and cold; gives what the controller used when warm. */
const compare = async (way: Way): Promise<readonly Usage[]> => {
  // the first run learns the facts of hosts that it has not met
  await bare(way)
  await site(way, []).catch(() => site(way, []))
  usages.length = 0
  print(`${way.name}  warm`, await measure(way, async () => {}))
  const warm = [...usages]
  print(`${way.name}  cold`, await measure(way, closeMasters))
  return warm
}

const relays = new Map<string, Relay>()
let sent: readonly Sent[] = []
try {
  sent = await record()
  const warm = await compare(direct)
  for (const [index, { name, address }] of hosts.entries())
    relays.set(name, await relay(`127.0.0.${index + 2}`, address, 15))
  await compare(throughRelays(relays))
  console.log(`${hosts.length} hosts, all roles, ${ROUNDS} runs each, medians; 1 round trip for each host`)
  console.log(
    `controller, warm: ${median(warm.map(({ cpu }) => cpu)).toFixed(2)} s of CPU, at most ${Math.max(...warm.map(({ mib }) => mib)).toFixed(0)} MiB`,
  )
} finally {
  await closeMasters()
  for (const { close } of relays.values()) close()
  rmSync(room, { recursive: true })
  rmSync(join(labDir(), 'bench.yaml'), { force: true })
}
