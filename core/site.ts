import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RunInput } from './converge/crew.ts'
import { factsCache } from './converge/facts-cache.ts'
import { type Exit, run } from './converge/run.ts'
import { type Inventory, readInventory } from './declare/inventory.ts'
import { hostsOfPlay, type Play } from './declare/play.ts'
import { InventoryError, UsageError } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { sshFleet } from './remote/ssh.ts'
import { type CommandLine, parseCommandLine } from './terminal/cli.ts'
import { printError } from './terminal/errors.ts'
import { helpText } from './terminal/help.ts'
import { createUi, type Ui } from './terminal/ui.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

/** What a playbook hands over. */
export type Site = Readonly<{
  /** The file's name without `.mjs`. */
  playbook: string
  /** One sentence for `--help`. */
  summary: string
  plays: readonly Play[]
  /** Loads what makes `--lab` possible. */
  lab?: () => Promise<{
    labUp: (options: { log: (line: string) => void }) => Promise<{ dir: string; inventory: string }>
  }>
}>

/**
 * Runs plays by the command line of the process: observes, plans, asks, applies, verifies. Never throws; what went
 * wrong is printed, and the exit status is 0 converged, 1 failed, 2 drift under `--check`.
 */
export const site = async (definition: Site): Promise<void> => {
  const argv = process.argv.slice(process.argv.findIndex((word) => word.endsWith(`${definition.playbook}.mjs`)) + 1)
  try {
    process.exitCode = await converge(definition, argv)
  } catch (error) {
    printError(error, { json: argv.includes('--json'), verbose: argv.includes('--verbose') })
    process.exitCode = 1
  }
}

const examples = [
  '--check --diff                      show what would change',
  '--roles docker --limit node-1       converge one part',
  '--lab                               on three machines on this computer',
]

const converge = async (definition: Site, argv: readonly string[]): Promise<Exit> => {
  const usage = { playbook: definition.playbook, summary: definition.summary, examples }
  const options = parseCommandLine(argv, usage)
  if (options.help) {
    process.stdout.write(helpText(usage))
    return 0
  }
  const place = await placeOf(definition, options)
  const inventory = readInventory(place.inventory, {
    roles: definition.plays.map(({ role }) => role),
    roleNames: roleNames(),
    overrides: options.vars,
  })
  refuseExample(inventory)
  const selected = selectPlays(definition.plays, options.roles, inventory)
  const ui = createUi({ ...options, recordDir: join(place.dir, 'runs') })
  const fleet = sshFleet(inventory.hosts, {
    dir: place.dir,
    acceptNewHostKeys: options.acceptNewHostKeys,
    askPassword: ui.askPassword,
  })
  // whoever can be asked here can also be shown what ssh wants to know
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true && !options.json
  try {
    return await run({
      id: runId(),
      playbook: definition.playbook,
      inventory,
      plays: definition.plays,
      selected,
      hosts: selectHosts(inventory, options.limit),
      check: options.check,
      forks: options.forks,
      lockWait: 0,
      fleet: { ...fleet, ask: (host) => ui.handOver(() => fleet.ask(host)) },
      cache: factsCache(join(place.dir, 'facts')),
      emit: ui.emit,
      approve: approval(options, ui, interactive),
      canAsk: interactive,
    })
  } finally {
    await ui.close()
    await fleet.close()
  }
}

/** Where the inventory is, and the directory of all that Caravan keeps about it. */
const placeOf = async ({ lab }: Site, options: CommandLine): Promise<{ dir: string; inventory: string }> => {
  if (!options.lab) return { dir: join(root, '.caravan'), inventory: options.inventory ?? join(root, 'inventory.yaml') }
  if (lab === undefined) throw new UsageError('this playbook knows no --lab')
  const { labUp } = await lab()
  return labUp({ log: (line) => process.stderr.write(`${line}\n`) })
}

const roleNames = (): readonly string[] =>
  readdirSync(join(root, 'roles'), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  )

const refuseExample = ({ file, hosts }: Inventory): void => {
  if (!hosts.some(({ address }) => address === 'example.com' || address.endsWith('.example.com'))) return
  throw new InventoryError(`${file} is the example as it came: its hosts do not exist`, {
    hint: 'npx zx playbooks/setup.mjs to make it yours, or --lab for three machines on this computer',
  })
}

/** @throws UsageError that names what is unknown, with the nearest valid name. */
export const selectPlays = (
  plays: readonly Play[],
  roles: readonly string[],
  inventory: Inventory,
): ReadonlySet<number> => {
  const known = plays.map(({ role }) => role.name)
  for (const name of roles) {
    if (!known.includes(name)) throw new UsageError(`unknown role "${name}"${didYouMean(name, known)}`)
  }
  for (const play of plays) {
    if (play.on !== 'all' && hostsOfPlay(play, inventory).length === 0)
      throw new UsageError(
        `the play of ${play.role.name} is for "${play.on}", which is no group or host of ${inventory.file}`,
      )
  }
  return new Set(plays.flatMap(({ role }, index) => (roles.length === 0 || roles.includes(role.name) ? [index] : [])))
}

/** @throws UsageError that names what is unknown, with the nearest valid name. */
export const selectHosts = ({ hosts, groups }: Inventory, limit: readonly string[]): Inventory['hosts'] => {
  const known = [...hosts.map(({ name }) => name), ...Object.keys(groups)]
  for (const name of limit) {
    if (!known.includes(name)) throw new UsageError(`unknown host or group "${name}"${didYouMean(name, known)}`)
  }
  return limit.length === 0
    ? hosts
    : hosts.filter((host) => limit.some((name) => name === host.name || host.groups.includes(name)))
}

/** `--yes` covers the plan that was shown, and never what changed since. */
const approval =
  ({ yes }: CommandLine, ui: Ui, interactive: boolean): RunInput['approve'] =>
  async (question) => {
    if (question === 'plan') return yes || (await ui.confirm('Apply these changes?'))
    return interactive && (await ui.confirm('It changed since the plan. Apply that too?'))
  }

const runId = (): string => `${new Date().toISOString().replaceAll(/[-:]/g, '').slice(0, 15)}-${process.pid}`
