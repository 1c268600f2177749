import {
  type Change,
  declare,
  describe,
  type PlanView,
  type Resource,
  type ResourceType,
  Unknown,
} from '../declare/resource.ts'
import { DeclarationError } from '../errors.ts'
import {
  type ServiceHave as Have,
  type Inputs,
  parseServices,
  pathsOf,
  probeServices,
} from './shared/service-observe.ts'
import { type ReloadFirst, serviceScript } from './shared/service-script.ts'

/** How a unit shall be. A property that is left out is not looked at. */
export type ServiceOptions = {
  /** Whether the unit starts at boot. */
  enabled?: boolean
  /** Whether the unit runs. `activating` counts as running: whether it became ready is a `ready`'s or a gate's work. */
  running?: boolean
  /** The unit is restarted when one of these changes, or when it was started before they were last changed. */
  restartOn?: readonly Resource[]
  /** As `restartOn`, by a reload. A restart makes the reload needless. Prove by a `ready` that a reload took effect. */
  reloadOn?: readonly Resource[]
  /** Start without waiting until the unit says that it is ready (`systemctl --no-block`). */
  noBlock?: boolean
  /** Seconds after which systemctl is given up when it starts, stops, restarts or reloads the unit. Default `'600s'`. */
  within?: `${number}s`
  /** Before a restart: reload, wait until a check holds, and only then restart; fails without restarting if it never does. */
  reloadBeforeRestart?: ReloadFirst
}

/**
 * A systemd unit. Restarts are state, not events: a marker under /run/caravan holds which files the running invocation
 * was started from, so that a restart that a dead run owed is found and made by the next one.
 */
export const serviceType: ResourceType<ServiceOptions, Have> = {
  name: 'service',
  probe: probeServices,
  parse: parseServices,
  diff: (want, have, view) => [
    ...daemonReload(have),
    ...enablement(want, have),
    ...(want.running === undefined ? [] : want.running ? run(want, have, view) : stop(have)),
  ],
  endsNothing: (changes) => changes.every(({ property }) => !['running', 'restart'].includes(property)),
  apply: ({ id, want, have, changes }) =>
    serviceScript({
      unit: id,
      want,
      changes: new Set(changes.map(({ property }) => property)),
      restartPaths: pathsOf(want.restartOn),
      reloadPaths: pathsOf(want.reloadOn),
      observedRestart: Unknown.is(have) ? undefined : have.restart.digest,
      noBlock: want.noBlock ?? false,
      reloadFirst: want.reloadBeforeRestart,
      within: Number.parseInt(want.within ?? '600s', 10),
    }),
}

/**
 * A systemd unit: `service('docker', { enabled: true, running: true, restartOn: [config] })`. A name without a suffix
 * means `.service`.
 * @throws DeclarationError for a name that systemd would not take, a restartOn that has no content to restart on, or a
 * `within` that is no number of seconds.
 * Source: systemctl(1), systemd.unit(5).
 */
export const service = (name: string, options: ServiceOptions): Resource<ServiceOptions> => {
  if (!/^[A-Za-z0-9:_.\\@-]{1,200}$/.test(name))
    throw new DeclarationError(`service ${JSON.stringify(name)}: not a unit name`)
  for (const input of [...(options.restartOn ?? []), ...(options.reloadOn ?? [])]) {
    if (input.type.inputs !== undefined) continue
    throw new DeclarationError(`service ${name}: ${describe(input)} has no content that a service could restart on`)
  }
  if (options.within !== undefined && !/^[1-9]\d{0,4}s$/.test(options.within))
    throw new DeclarationError(`service ${name}: within ${JSON.stringify(options.within)} is no number of seconds`, {
      hint: "write it as '600s'",
    })
  const unit = /\.(service|socket|timer|path|mount|target)$/.test(name) ? name : `${name}.service`
  return declare(serviceType, unit, options)
}

const isActive = ({ active }: Have): boolean => ['active', 'activating', 'reloading', 'refreshing'].includes(active)

const daemonReload = ({ needReload }: Have): readonly Change[] =>
  needReload ? [{ property: 'definition', from: 'older than its unit file', to: 'loaded again' }] : []

const enablement = ({ enabled }: ServiceOptions, { unitFile, loaded }: Have): readonly Change[] => {
  if (enabled === undefined) return []
  if (enabled && (unitFile === 'masked' || loaded === 'masked'))
    return [{ property: 'enabled', from: 'masked', to: 'yes' }]
  // a unit without an [Install] section, or one that is an alias, has nothing to enable
  const on = ['enabled', 'static', 'alias', 'indirect', 'generated'].includes(unitFile)
  if (enabled && !on) return [{ property: 'enabled', from: 'no', to: 'yes' }]
  const off = unitFile !== 'enabled' && unitFile !== 'enabled-runtime'
  return enabled || off ? [] : [{ property: 'enabled', from: 'yes', to: 'no' }]
}

const stop = (have: Have): readonly Change[] =>
  isActive(have) ? [{ property: 'running', from: have.active, to: 'stopped' }] : []

const run = (want: ServiceOptions, have: Have, view: PlanView): readonly Change[] => {
  if (!isActive(have))
    return [{ property: 'running', from: have.loaded === 'not-found' ? 'no unit' : have.active, to: 'active' }]
  const restart = because(want.restartOn, view) ?? stale(have, have.restart, 'restart')
  if (restart !== undefined) return [{ property: 'restart', from: restart, to: 'restarted' }]
  const reload = because(want.reloadOn, view) ?? stale(have, have.reload, 'reload')
  if (reload === undefined) return []
  // systemd reloads no unit that is not ready yet, such as one that waits for its peers
  if (have.active === 'activating') return [{ property: 'restart', from: reload, to: 'restarted' }]
  return [{ property: 'reload', from: reload, to: 'reloaded' }]
}

const because = (resources: readonly Resource[] = [], view: PlanView): string | undefined => {
  const changed = resources.filter((resource) => view.changes(resource))
  return changed.length === 0 ? undefined : `${changed.map(describe).join(', ')} changes`
}

/** Why the running invocation is older than its files, or undefined. */
const stale = (
  { marker, invocation, startedAt }: Have,
  inputs: Inputs,
  which: 'restart' | 'reload',
): string | undefined => {
  if (inputs.newest === undefined) return undefined
  if (marker !== undefined && marker.invocation === invocation) {
    return marker[which] === inputs.digest ? undefined : 'runs with older files'
  }
  if (startedAt === undefined || inputs.newest.ctime < startedAt) return undefined
  return `was started before ${inputs.newest.path} was changed`
}
