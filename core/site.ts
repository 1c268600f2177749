import { join } from 'node:path'
import { openReleases } from './artifacts/releases.ts'
import type { RunInput } from './converge/crew.ts'
import { factsCache } from './converge/facts-cache.ts'
import { type Exit, run } from './converge/run.ts'
import { CONTROLLER, controllerHost, type Host } from './declare/host.ts'
import type { Inventory } from './declare/inventory.ts'
import { hostsNamed, type Play } from './declare/play.ts'
import { UsageError } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { type Opened, type Playbook, runPlaybook } from './playbook.ts'
import { releasesInput } from './releases.ts'
import { type LifeInput, openSecrets } from './secrets/life.ts'
import { establishedServer, secretsPlace } from './secrets.ts'
import type { Ui } from './terminal/ui.ts'

/** A playbook that converges hosts. */
export type Site = Playbook & Readonly<{ plays: readonly Play[] }>

/**
 * Runs plays by the command line of the process: observes, plans, asks, applies, verifies. Never throws; what went
 * wrong is printed, and the exit status is 0 converged, 1 failed, 2 drift under `--check`.
 */
export const site = (definition: Site): Promise<void> =>
  runPlaybook(
    { examples, ...definition },
    definition.plays.map(({ role }) => role),
    (opened) => converge(definition, opened),
  )

const examples = [
  '--check --diff                      show what would change',
  '--roles docker --limit node-1       converge one part',
  '--lab                               on three machines on this computer',
]

/** What `site` does once its command line and the inventory were read. */
export const converge = async (
  { playbook, plays }: Pick<Site, 'playbook' | 'plays'>,
  opened: Opened,
): Promise<Exit> => {
  const { options, inventory, hosts, dir, fleet, ui, interactive } = opened
  const selected = selectPlays(plays, options.roles, inventory)
  const taking = withController(hosts, plays, selected, options.limit)
  const chosen = plays.filter((_, index) => selected.has(index))
  const { releases, save: saveLock } = await openReleases(releasesInput(chosen, taking, opened))
  const { secrets, save: saveSecrets } = await openSecrets(lifeOf(plays, selected, opened))
  return run({
    id: runId(),
    playbook,
    inventory,
    means: { secrets, releases },
    beforeApply: async () => {
      await saveSecrets()
      await saveLock()
    },
    plays,
    selected,
    hosts: taking,
    check: options.check,
    forks: options.forks,
    lockWait: options.lockWait,
    fleet,
    cache: factsCache(join(dir, 'facts')),
    emit: ui.emit,
    approve: approval(opened),
    stop: stopOnInterrupt(ui),
    canAsk: interactive,
  })
}

/** What the secrets of these plays need to be opened. */
export const lifeOf = (plays: readonly Play[], selected: ReadonlySet<number>, opened: Opened): LifeInput => ({
  ...secretsPlace(opened),
  roles: plays.map(({ role }) => role),
  selected: plays.flatMap(({ role }, index) => (selected.has(index) ? [role] : [])),
  established: () => establishedServer(plays, opened),
})

// this computer takes part where a play asks for it, unless --limit leaves it out
const withController = (
  hosts: readonly Host[],
  plays: readonly Play[],
  selected: ReadonlySet<number>,
  limit: readonly string[],
): readonly Host[] => {
  const asked = plays.some(({ on }, index) => on === CONTROLLER && selected.has(index))
  return asked && (limit.length === 0 || limit.includes(CONTROLLER)) ? [controllerHost, ...hosts] : hosts
}

/** The plays that `--roles` leaves. @throws UsageError that names what is unknown, with the nearest valid name. */
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
    const unknown = [play.on, play.except].find(
      (name) => name !== undefined && name !== 'all' && hostsNamed(name, inventory).length === 0,
    )
    if (unknown !== undefined)
      throw new UsageError(
        `the play of ${play.role.name} names "${unknown}", which is no group or host of ${inventory.file}`,
      )
  }
  return new Set(plays.flatMap(({ role }, index) => (roles.length === 0 || roles.includes(role.name) ? [index] : [])))
}

/** `--yes` covers the plan that was shown, and never what changed since. */
const approval =
  ({ options, ui, interactive }: Opened): RunInput['approve'] =>
  async (question) => {
    if (question === 'plan') return options.yes || (await ui.confirm('Apply these changes?'))
    return interactive && (await ui.confirm('It changed since the plan. Apply that too?'))
  }

// a second Ctrl-C ends the program at once, as it always does
const stopOnInterrupt = ({ emit }: Ui): AbortSignal => {
  const stop = new AbortController()
  process.once('SIGINT', () => {
    stop.abort()
    emit({ event: 'warning', message: 'stopping once what is being applied is finished; Ctrl-C again leaves it alone' })
  })
  return stop.signal
}

const runId = (): string => `${new Date().toISOString().replaceAll(/[-:]/g, '').slice(0, 15)}-${process.pid}`
