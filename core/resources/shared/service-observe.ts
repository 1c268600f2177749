import { createHash } from 'node:crypto'
import type { Resource } from '../../declare/resource.ts'
import { ProbeError } from '../../errors.ts'
import { words } from '../../remote/shell.ts'
import type { ServiceOptions } from '../service.ts'

type Marker = Readonly<{ invocation: string; restart: string; reload: string }>

/** What systemd and the unit's marker say. */
export type ServiceHave = Readonly<{
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
export type Inputs = Readonly<{ digest: string; newest: { path: string; ctime: number } | undefined }>

const properties = 'LoadState,ActiveState,UnitFileState,NeedDaemonReload,InvocationID,InactiveExitTimestamp'

/** The paths on the host whose content decides about a restart or a reload, in an order of their own. */
export const pathsOf = (resources: readonly Resource[] = []): readonly string[] =>
  [...new Set(resources.flatMap(({ type, id, want }) => type.inputs?.(id, want) ?? []))].sort()

const allPaths = (all: readonly Resource<ServiceOptions>[]): readonly string[] =>
  [...new Set(all.flatMap(({ want }) => [...pathsOf(want.restartOn), ...pathsOf(want.reloadOn)]))].sort()

/** The fragment that asks systemd for all units at once, and reads their markers and what they were started from. */
export const probeServices = (all: readonly Resource<ServiceOptions>[]): string => `
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
fi`

/** @throws ProbeError for what the fragment cannot have printed. */
export const parseServices = (
  output: string,
  all: readonly Resource<ServiceOptions>[],
): ReadonlyMap<string, ServiceHave> => {
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
}

type Unit = Omit<ServiceHave, 'marker' | 'restart' | 'reload'>

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
