import type { HostSummary, RunEvent } from './events.ts'
import { hostNames } from './host-names.ts'
import { failedHosts, type Progress, secondsOf, totals } from './progress.ts'
import { safeLine } from './safe.ts'
import type { Style } from './style.ts'
import { count, duration, pad, truncate, width, wrap } from './text.ts'

export type SummaryOptions = Readonly<{ verbose: boolean; columns: number; style: Style }>

/** Above this many hosts, those with the same counts share a row. */
const ROWS = 12
/** Columns of the names of such a row; longer ones are counted. */
const LONGEST_NAME = 32

/** Columns from which on there is room for the seconds of each phase. */
const WIDE = 80

type Row = Readonly<{ cells: readonly string[]; failed: boolean }>

/** What is above the errors at the end of a run: the table and what took long; nothing where nothing was done. */
export const summaryLines = (progress: Progress, options: SummaryOptions): readonly string[] => {
  const { summary, applied } = progress
  if (summary === undefined || !(applied || options.verbose)) return []
  const slowest = options.verbose && applied ? ['', ...slowestLines(progress, options)] : []
  return ['', ...tableLines(summary.hosts, options), ...slowest]
}

// What was changed on each host, what it cost, and with `verbose` where the time went.
const tableLines = (
  hosts: Readonly<Record<string, HostSummary>>,
  { verbose, columns, style }: SummaryOptions,
): readonly string[] => {
  const detailed = verbose && columns >= WIDE
  const phases = detailed ? ['connect', 'probe', 'apply', 'wait'] : []
  const head = ['host', 'changed', 'unchanged', 'failed', 'trips', ...phases, 'seconds']
  const rows = rowsOf(hosts, detailed)
  const widths = head.map((title, i) => Math.max(width(title), ...rows.map(({ cells }) => width(cells[i] ?? ''))))
  const others = widths.slice(1).reduce((sum, each) => sum + each + 2, 0)
  widths[0] = Math.min(widths[0] ?? 0, Math.max(8, columns - others))
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => pad(truncate(cell, widths[i] ?? 0), widths[i] ?? 0, i === 0 ? 'right' : 'left')).join('  ')
  return [style.dim(line(head)), ...rows.map(({ cells, failed }) => (failed ? style.red(line(cells)) : line(cells)))]
}

// The five resources that took longest.
const slowestLines = ({ slowest }: Progress, { columns }: SummaryOptions): readonly string[] =>
  slowest.flatMap(({ host, role, resource, seconds }, index) => {
    const head = `${index === 0 ? 'slowest' : '       '}  ${pad(duration(seconds), 6, 'left')}  `
    const place = wrap(safeLine(`${host} › ${role} › ${resource}`), columns - head.length)
    return place.map((line, part) => (part === 0 ? head : ' '.repeat(head.length)) + line)
  })

/** `consul: node-1 leads, 3 of 3 servers take part`, and who does not. */
export const clusterLine = (
  { cluster, leader, inside, outside }: Extract<RunEvent, { event: 'cluster' }>,
  style: Style,
): string => {
  const who = leader === undefined ? 'no leader' : `${safeLine(leader)} leads`
  const all = inside.length + outside.length
  const out = outside.length === 0 ? '' : `, not ${hostNames(outside)}`
  const line = `${safeLine(cluster)}: ${who}, ${inside.length} of ${all} take part${out}`
  return leader !== undefined && outside.length === 0 ? line : style.yellow(line)
}

/** The end of a run: `3 hosts · 57 resources right · nothing to change · 0.4 s`. */
export const closingLines = (progress: Progress, { columns, style }: SummaryOptions): readonly string[] => {
  const { summary } = progress
  if (summary === undefined) return []
  const { changed, unchanged } = totals(summary.hosts)
  const counted = summary.exit === 0 || progress.applied
  const parts = [
    count(Object.keys(summary.hosts).length, 'host'),
    progress.applied ? `${count(changed, 'change')} made` : '',
    counted ? `${count(unchanged, 'resource')} right` : '',
    progress.waited > 0 ? `${count(progress.waited, 'wait')} met` : '',
    verdictOf(progress, changed),
    duration(summary.seconds),
  ].filter((part) => part !== '')
  const paint = [style.green, style.red, style.yellow][summary.exit] ?? String
  const lines = wrap(parts.join(' · '), columns).map(paint)
  return progress.applied ? ['', ...lines] : lines
}

const verdictOf = (progress: Progress, changed: number): string => {
  const failed = [...failedHosts(progress)]
  if (progress.summary?.exit === 2) return 'drift, nothing applied'
  if (progress.summary?.exit === 0) return changed === 0 ? 'nothing to change' : ''
  if (failed.length > 0) return `failed on ${hostNames(failed)}`
  return progress.errors.length > 0 ? 'failed' : 'not applied'
}

// Many hosts would bury what matters: those that fared alike share a row, with the time of the slowest.
const rowsOf = (hosts: Readonly<Record<string, HostSummary>>, verbose: boolean): readonly Row[] => {
  const all = Object.entries(hosts)
  const alike = Map.groupBy(all, ([name, { seconds: _, ...counts }]) =>
    all.length > ROWS ? JSON.stringify(counts) : name,
  )
  return [...alike.values()].map((group) => {
    const folded = hostNames(group.map(([name]) => name))
    const name = group.length > 1 && width(folded) > LONGEST_NAME ? count(group.length, 'host') : folded
    return rowOf(name, slowest(group.map(([, host]) => host)), verbose)
  })
}

const slowest = (hosts: readonly HostSummary[]): HostSummary =>
  hosts.reduce((one, other) => (secondsOf(other) > secondsOf(one) ? other : one))

const rowOf = (name: string, host: HostSummary, verbose: boolean): Row => {
  const { connect, probe, apply, wait } = host.seconds
  const phases = verbose ? [connect, probe, apply, wait] : []
  const numbers = [host.changed, host.unchanged, host.failed, host.roundTrips].map(String)
  const seconds = [...phases, secondsOf(host)].map((each) => each.toFixed(1))
  return { cells: [name, ...numbers, ...seconds], failed: host.failed > 0 }
}
