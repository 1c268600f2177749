/** What `playbooks/lab.mjs` does with its arguments. */
import { spawnSync } from 'node:child_process'
import { asCaravanError, formatError, UsageError } from '../core/errors.ts'
import { didYouMean } from '../core/nearest.ts'
import { readArguments } from '../core/terminal/arguments.ts'
import { MAX_NODES } from './config.ts'
import * as lab from './index.ts'
import { ensureMirror } from './mirror/index.ts'
import { sshOptions } from './ssh.ts'

const HELP = `\
lab: machines on this computer that look like Hetzner's, for tests and to try things out.

usage: npx zx playbooks/lab.mjs COMMAND [flags]

commands:
  up                       boot the lab; nothing happens when it is up
  down                     end it; keys and inventory stay, nothing that runs
  status                   which machines are up, and what the router did not let through
  reset [NAME...]          new disks for all machines or for those, with the same keys
  ssh NAME [-- COMMAND]    log in as root, or run a command
  reboot NAME...           reboot machines, all at once, and wait until they are back
  stop NAME                shut a machine down; its disk stays
  kill NAME                pull a machine's plug; its disk stays
  start NAME               turn a machine on and wait until it has booted
  mirror                   build every version of the programs that the machines can install; \`up\` builds one of each

flags:
  --nodes N                how many machines, 1 to ${MAX_NODES} (up, reset; default: as many as there are, or 3)
  --help                   show this

examples:
  npx zx playbooks/lab.mjs up --nodes 5
  npx zx playbooks/lab.mjs ssh node-1 -- systemctl --failed
  npx zx playbooks/site.mjs --lab

exit status: 0 done; 1 failed, and for status: not all machines are up; for ssh: the command's
`

type Given = { readonly names: readonly string[]; readonly size: { readonly nodes?: number } }
type Command = { readonly takes: 'nothing' | 'a name' | 'names' | 'a command line'; run(given: Given): Promise<number> }

const log = (line: string) => console.error(line)

const COMMANDS: Readonly<Record<string, Command>> = {
  up: { takes: 'nothing', run: async ({ size }) => show(await lab.labUp({ ...size, log })) },
  reset: {
    takes: 'names',
    run: async ({ names, size }) => show(await lab.labReset({ ...(names.length > 0 && { names }), ...size, log })),
  },
  down: { takes: 'nothing', run: () => done(lab.labDown(), 'the lab is down') },
  status: { takes: 'nothing', run: showStatus },
  ssh: { takes: 'a command line', run: ({ names: [name = '', ...command] }) => login(name, command) },
  reboot: { takes: 'names', run: ({ names }) => done(lab.labReboot(...names), `${names.join(', ')} back`) },
  stop: { takes: 'a name', run: ({ names: [name = ''] }) => done(lab.labStop(name), `${name} is off`) },
  kill: { takes: 'a name', run: ({ names: [name = ''] }) => done(lab.labKill(name), `${name} is off`) },
  start: { takes: 'a name', run: ({ names: [name = ''] }) => done(lab.labStart(name), `${name} is up`) },
  mirror: { takes: 'nothing', run: () => done(ensureMirror(log, { all: true }), 'the mirror has every version') },
}

/** Runs a command line; returns the exit status. What goes wrong is printed, never thrown. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    return await dispatch(argv)
  } catch (error) {
    console.error(formatError(asCaravanError(error)))
    return 1
  }
}

function dispatch(argv: readonly string[]): Promise<number> | number {
  const flags = { nodes: { type: 'string', value: 'N', summary: '' }, help: { type: 'boolean', summary: '' } } as const
  const { given, positionals, problems } = readArguments(argv, flags, { playbook: 'lab', positionals: 'COMMAND' })
  if (given.has('help') || argv.length === 0) {
    process.stdout.write(HELP)
    return argv.length === 0 ? 1 : 0
  }
  const [name = '', ...names] = positionals
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command) problems.unshift(`lab: no command "${name}"${didYouMean(name, Object.keys(COMMANDS))}`)
  else problems.push(...wrongNames(name, command.takes, names))
  if (!command || problems.length > 0) throw new UsageError(problems.join('; '))
  const [nodes] = given.get('nodes') ?? []
  return command.run({ names, size: nodes === undefined ? {} : { nodes: Number(nodes) } })
}

function wrongNames(command: string, takes: Command['takes'], names: readonly string[]): readonly string[] {
  if (takes === 'nothing' && names.length > 0) return [`lab: ${command} takes no names`]
  if (takes === 'a name' && names.length !== 1) return [`lab: ${command} takes the name of one machine, as in node-1`]
  if (takes === 'a command line' && names.length === 0)
    return [`lab: ${command} takes the name of a machine, as in node-1`]
  return []
}

function show({ nodes }: lab.Lab): number {
  for (const { name, address, privateIp } of nodes) console.log(`${name.padEnd(8)} ${address.padEnd(14)} ${privateIp}`)
  return 0
}

async function showStatus(): Promise<number> {
  const nodes = await lab.labStatus()
  for (const { name, address, privateIp, state } of nodes) {
    console.log(`${name.padEnd(8)} ${address.padEnd(14)} ${privateIp.padEnd(11)} ${state}`)
  }
  if (nodes.every(({ state }) => state === 'off')) {
    console.log('the lab is down')
    return 1
  }
  const { unicast, linkLocal, multicast, to } = await lab.labDrops()
  console.log(`not let through: ${unicast} unicast, ${linkLocal} link-local, ${multicast} multicast packets`)
  for (const packet of to) console.log(`  ${packet}`)
  return nodes.every(({ state }) => state === 'up') ? 0 : 1
}

async function done(work: Promise<void>, said: string): Promise<number> {
  await work
  console.log(said)
  return 0
}

async function login(name: string, command: readonly string[]): Promise<number> {
  const { address } = lab.nodeNamed(name)
  const { status } = spawnSync('ssh', [...sshOptions(), `root@${address}`, ...command], { stdio: 'inherit' })
  return status ?? 1
}
