import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CONTROLLER } from './declare/host.ts'
import { type Inventory, readInventory } from './declare/inventory.ts'
import type { Role } from './declare/role.ts'
import { InventoryError, UsageError } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { type Fleet, sshFleet } from './remote/ssh.ts'
import { type AnyCommandLine, parseCommandLine } from './terminal/cli.ts'
import { printError } from './terminal/errors.ts'
import type { Flags } from './terminal/flags.ts'
import { helpText } from './terminal/help.ts'
import { createUi, type Ui } from './terminal/ui.ts'

/** The project's directory. */
export const root = fileURLToPath(new URL('../', import.meta.url))

/** Loads what tells where everything of `--lab` is. */
export type FindLab = () => Promise<{ labDir: () => string }>

/** What every playbook says of itself. */
export type Playbook = Readonly<{
  /** The file's name without `.mjs`. */
  playbook: string
  /** One sentence for `--help`. */
  summary: string
  /** Command lines with what they do, for `--help`; without the command itself. */
  examples?: readonly string[]
  /** Flags that only this playbook has. */
  extra?: Flags
  /** Loads what makes `--lab` possible. */
  lab?: () => Promise<{
    labUp: (options: { log: (line: string) => void }) => Promise<{ dir: string; inventory: string }>
  }>
}>

/** What a playbook works with, once its command line and the inventory were read. */
export type Opened = Readonly<{
  options: AnyCommandLine
  inventory: Inventory
  /** The hosts that `--limit` leaves. */
  hosts: Inventory['hosts']
  /** Where everything is kept that Caravan keeps about this inventory. */
  dir: string
  fleet: Fleet
  ui: Ui
  /** Whether a person can be asked. */
  interactive: boolean
}>

/**
 * Runs a playbook by the command line of the process. Never throws; what went wrong is printed, and the exit status is
 * what `work` says, or 1.
 */
export const runPlaybook = async (
  definition: Playbook,
  roles: readonly Role[],
  work: (opened: Opened) => Promise<number>,
): Promise<void> => {
  const argv = argumentsOf(definition.playbook)
  try {
    const usage = { examples: [], ...definition }
    const options = parseCommandLine(argv, usage)
    if (options.help) process.stdout.write(helpText(usage))
    else process.exitCode = await withInventory(await placeOf(definition, options), options, roles, work)
  } catch (error) {
    printError(error, { json: argv.includes('--json'), verbose: argv.includes('--verbose') })
    process.exitCode = 1
  }
}

/** The arguments of a playbook: zx stands before it, or nothing does. */
export const argumentsOf = (playbook: string): readonly string[] => {
  const own = process.argv.findIndex((word) => word.endsWith(`${playbook}.mjs`))
  return process.argv.slice(own < 0 ? 2 : own + 1)
}

/** Where an inventory is, and the directory of all that Caravan keeps about it. */
export type Place = Readonly<{ dir: string; inventory: string }>

/** Does the work of a playbook with the inventory at a place. @throws what `work` does; InventoryError */
export const withInventory = async (
  { dir, inventory: file }: Place,
  options: AnyCommandLine,
  roles: readonly Role[],
  work: (opened: Opened) => Promise<number>,
): Promise<number> => {
  const inventory = readInventory(file, {
    roles,
    roleNames: [...roleNames(), ...roles.map(({ name }) => name)],
    overrides: options.vars,
  })
  refuseExample(inventory)
  const hosts = selectHosts(inventory, options.limit)
  const ui = createUi({ ...options, recordDir: join(dir, 'runs') })
  const { acceptNewHostKeys } = options
  const fleet = sshFleet(inventory.hosts, { dir, acceptNewHostKeys, askPassword: ui.askPassword })
  // whoever can be asked here can also be shown what ssh wants to know
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true && !options.json
  const ask: Fleet['ask'] = (host) => ui.handOver(() => fleet.ask(host))
  try {
    return await work({ options, inventory, hosts, dir, fleet: { ...fleet, ask }, ui, interactive })
  } finally {
    await ui.close()
    await fleet.close()
  }
}

const placeOf = async ({ lab }: Playbook, options: AnyCommandLine): Promise<Place> => {
  if (!options.lab) return { dir: join(root, '.caravan'), inventory: options.inventory ?? join(root, 'inventory.yaml') }
  if (lab === undefined) throw new UsageError('this playbook knows no --lab')
  const { labUp } = await lab()
  return labUp({ log: (line) => process.stderr.write(`${line}\n`) })
}

/** Every role there is. */
export const roleNames = (): readonly string[] =>
  readdirSync(join(root, 'roles'), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  )

const refuseExample = ({ file, hosts }: Inventory): void => {
  if (!hosts.some(({ address }) => address === 'example.com' || address.endsWith('.example.com'))) return
  throw new InventoryError(`${file} is the example as it came: its hosts do not exist`, {
    hint: 'npx zx playbooks/setup.mjs to make it yours, or --lab for three machines on this computer',
  })
}

/** The hosts that `--limit` leaves. @throws UsageError that names what is unknown, with the nearest valid name. */
export const selectHosts = ({ hosts, groups }: Inventory, limit: readonly string[]): Inventory['hosts'] => {
  const known = [...hosts.map(({ name }) => name), ...Object.keys(groups), CONTROLLER]
  for (const name of limit) {
    if (!known.includes(name)) throw new UsageError(`unknown host or group "${name}"${didYouMean(name, known)}`)
  }
  return limit.length === 0
    ? hosts
    : hosts.filter((host) => limit.some((name) => name === host.name || host.groups.includes(name)))
}
