import { createHash } from 'node:crypto'
import { type Change, declare, describe, type PlanView, type Resource, type ResourceType } from '../declare/resource.ts'
import { DeclarationError, ProbeError } from '../errors.ts'
import { words } from '../remote/shell.ts'
import { type ReloadFirst, serviceScript } from './service-script.ts'

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

type Marker = Readonly<{ invocation: string; restart: string; reload: string }>

/** What systemd and the unit's marker say. */
type Have = Readonly<{
  loaded: string
  active: string
  unitFile: string
  needReload: boolean
  invocation: string
  /** Seconds since the epoch at which the unit last began to start; undefined when it never did. */
  startedAt: number | undefined
  marker: Marker | undefined
  restart: Inputs
  reload: Inputs
}>

/** The files that a unit was started from. */
type Inputs = Readonly<{ digest: string; newest: { path: string; ctime: number } | undefined }>

const properties = 'LoadState,ActiveState,UnitFileState,NeedDaemonReload,InvocationID,InactiveExitTimestamp'

/** The paths on the host whose content decides about a restart or a reload, in an order of their own. */
const pathsOf = (resources: readonly Resource[] = []): readonly string[] =>
  [...new Set(resources.flatMap(({ type, id, want }) => type.inputs?.(id, want) ?? []))].sort()

const allPaths = (all: readonly Resource<ServiceOptions>[]): readonly string[] =>
  [...new Set(all.flatMap(({ want }) => [...pathsOf(want.restartOn), ...pathsOf(want.reloadOn)]))].sort()

/**
 * A systemd unit. Restarts are state, not events: a marker under /run/caravan holds which files the running invocation
 * was started from, so that a restart that a dead run owed is found and made by the next one.
 */
export const serviceType: ResourceType<ServiceOptions, Have> = {
  name: 'service',
  probe: (all) => `
timeout 20 systemctl show --timestamp=us+utc -p ${properties} -- ${words(all.map(({ id }) => id))} ||
  { echo 'systemctl does not answer' >&2; exit 1; }
printf '=markers\\n'
for unit in ${words(all.map(({ id }) => id))}; do
  if [ -f "/run/caravan/$unit" ]; then read -r line <"/run/caravan/$unit"; printf '%s\\n' "$line"; else echo -; fi
done
printf '=inputs\\n'
index=0
for path in ${words(allPaths(all))}; do
  if [ -f "$path" ]; then set -- "$@" "$path"; echo "$index"; fi
  index=$((index + 1))
done
printf '=files\\n'
if [ $# -gt 0 ]; then
  stat -L -c %.9Z -- "$@"
  sha256sum -- "$@"
fi`,
  parse: (output, all) => {
    const [shown = '', afterShown = ''] = split(output, '=markers\n')
    const [markers = '', afterMarkers = ''] = split(afterShown, '=inputs\n')
    const [present = '', files = ''] = split(afterMarkers, '=files\n')
    const units = shown.trim().split('\n\n').map(parseProperties)
    const lines = markers.split('\n')
    const paths = allPaths(all)
    const inputs = parseInputs(paths, linesOf(present).map(Number), linesOf(files))
    if (units.length !== all.length) throw new ProbeError(`systemd told of ${units.length} units, not ${all.length}`)
    return new Map(
      all.map(({ id, want }, index) => {
        const have = {
          ...(units[index] as Unit),
          marker: parseMarker(lines[index] ?? '-'),
          restart: digestOf(pathsOf(want.restartOn), inputs),
          reload: digestOf(pathsOf(want.reloadOn), inputs),
        }
        return [id, have]
      }),
    )
  },
  diff: (want, have, view) => [
    ...daemonReload(have),
    ...enablement(want, have),
    ...(want.running === undefined ? [] : want.running ? run(want, have, view) : stop(have)),
  ],
  apply: ({ id, want, have, changes }) =>
    serviceScript({
      unit: id,
      want,
      changes: new Set(changes.map(({ property }) => property)),
      restartPaths: pathsOf(want.restartOn),
      reloadPaths: pathsOf(want.reloadOn),
      observedRestart: typeof have === 'symbol' ? undefined : have.restart.digest,
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

type Unit = Omit<Have, 'marker' | 'restart' | 'reload'>

const split = (text: string, at: string): readonly string[] => {
  const index = text.indexOf(at)
  if (index < 0) throw new ProbeError('the probe of service was cut off')
  return [text.slice(0, index), text.slice(index + at.length)]
}

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '')

const parseProperties = (block: string): Unit => {
  const pairs = block.split('\n').map((line): [string, string] => {
    const equals = line.indexOf('=')
    return [line.slice(0, equals), line.slice(equals + 1)]
  })
  const get = (key: string): string => {
    const value = new Map(pairs).get(key)
    if (value === undefined) throw new ProbeError(`systemd did not tell ${key}`)
    return value
  }
  return {
    loaded: get('LoadState'),
    active: get('ActiveState'),
    unitFile: get('UnitFileState'),
    needReload: get('NeedDaemonReload') === 'yes',
    invocation: get('InvocationID'),
    startedAt: parseTimestamp(get('InactiveExitTimestamp')),
  }
}

// `Sun 2026-11-22 20:48:53.123456 UTC`; Date knows milliseconds only, so the fraction is kept apart.
const parseTimestamp = (text: string): number | undefined => {
  const parts = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)? UTC/.exec(text)
  return parts === null ? undefined : Date.parse(`${parts[1]}T${parts[2]}Z`) / 1000 + Number(`0${parts[3] ?? ''}`)
}

const parseMarker = (line: string): Marker | undefined => {
  const [invocation, restart, reload] = line.split(' ')
  return invocation === undefined || restart === undefined || reload === undefined
    ? undefined
    : { invocation, restart, reload }
}

type Files = ReadonlyMap<string, Readonly<{ ctime: number; hash: string }>>

const parseInputs = (paths: readonly string[], present: readonly number[], lines: readonly string[]): Files => {
  if (lines.length !== present.length * 2)
    throw new ProbeError('a file that a service depends on vanished while it was read')
  return new Map(
    present.map((index, position) => {
      // sha256sum marks an escaped name by a backslash before the sum
      const hash = (lines[present.length + position] ?? '').replace(/^\\/, '').slice(0, 64)
      return [paths[index] ?? '', { ctime: Number(lines[position]), hash }]
    }),
  )
}

// The same text as `digest` in service-script.ts makes on the host.
const digestOf = (paths: readonly string[], files: Files): Inputs => {
  const text = paths.map((path) => `${files.get(path)?.hash ?? 'absent'}\n`).join('')
  const known = paths.flatMap((path) => ({ path, ctime: files.get(path)?.ctime ?? 0 }))
  const newest = known.reduce<Inputs['newest']>(
    (top, file) => (top === undefined || file.ctime > top.ctime ? file : top),
    undefined,
  )
  return { digest: createHash('sha256').update(text).digest('hex'), newest }
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
