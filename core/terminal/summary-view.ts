import type { HostSummary } from './events.ts'
import { hostNames } from './host-names.ts'
import { countPlan } from './plan-groups.ts'
import { failedHosts, type Progress, secondsOf, totals } from './progress.ts'
import { safeLine } from './safe.ts'
import type { Style } from './style.ts'
import { count, duration, pad, truncate, width } from './text.ts'

export type SummaryOptions = Readonly<{ verbose: boolean; columns: number; style: Style }>

/** Above this many hosts, those on which nothing happened share one row. */
const ROWS = 12

type Row = Readonly<{ cells: readonly string[]; failed: boolean }>

/** The table of hosts: what was changed there, what it cost, and with `verbose` where the time went. */
export const tableLines = (
  hosts: Readonly<Record<string, HostSummary>>,
  { verbose, columns, style }: SummaryOptions,
): readonly string[] => {
  const phases = verbose ? ['connect', 'probe', 'apply', 'wait'] : []
  const head = ['host', 'changed', 'unchanged', 'failed', 'trips', ...phases, 'seconds']
  const rows = rowsOf(hosts, verbose)
  const widths = head.map((title, i) => Math.max(width(title), ...rows.map(({ cells }) => width(cells[i] ?? ''))))
  const others = widths.slice(1).reduce((sum, each) => sum + each + 2, 0)
  widths[0] = Math.min(widths[0] ?? 0, Math.max(8, columns - others))
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => pad(truncate(cell, widths[i] ?? 0), widths[i] ?? 0, i === 0 ? 'right' : 'left')).join('  ')
  return [style.dim(line(head)), ...rows.map(({ cells, failed }) => (failed ? style.red(line(cells)) : line(cells)))]
}

/** The five resources that took longest. */
export const slowestLines = ({ slowest }: Progress, { style }: SummaryOptions): readonly string[] =>
  slowest.map(({ host, role, resource, seconds }, index) => {
    const place = safeLine(`${host} › ${role} › ${resource}`)
    return `${style.dim(index === 0 ? 'slowest' : '       ')}  ${pad(duration(seconds), 6, 'left')}  ${place}`
  })

/** The last line of a run: `3 hosts · 57 resources right · nothing to change · 0.4 s`. */
export const closingLine = (progress: Progress, style: Style): string => {
  const { summary, start } = progress
  if (summary === undefined) return ''
  const { changed, unchanged } = totals(summary.hosts)
  const hosts = count(Object.keys(summary.hosts).length, 'host')
  const right = `${count(unchanged, 'resource')} right`
  const took = duration(summary.seconds)
  const verdict = verdictOf(progress, changed)
  const parts = progress.applied
    ? [hosts, `${count(changed, 'change')} made`, right, ...waits(progress), ...verdict, took]
    : [hosts, right, ...verdict, took]
  const line = parts.join(' · ')
  if (summary.exit === 1) return style.red(line)
  return summary.exit === 2 || start?.check ? style.yellow(line) : style.green(line)
}

const waits = ({ waited }: Progress): readonly string[] => (waited === 0 ? [] : [`${count(waited, 'wait')} met`])

const verdictOf = (progress: Progress, changed: number): readonly string[] => {
  const failed = [...failedHosts(progress)]
  const { changes, waits } = countPlan(progress.plan)
  if (progress.summary?.exit === 1) {
    if (failed.length > 0) return [`failed on ${hostNames(failed)}`]
    return progress.errors.length > 0 ? ['failed'] : ['not applied']
  }
  if (progress.summary?.exit === 2) return [`drift: ${[count(changes, 'change'), count(waits, 'wait')].join(', ')}`]
  return changed === 0 ? ['nothing to change'] : []
}

const rowsOf = (hosts: Readonly<Record<string, HostSummary>>, verbose: boolean): readonly Row[] => {
  const all = Object.entries(hosts)
  const quiet = all.length > ROWS ? all.filter(([, { changed, failed }]) => changed + failed === 0) : []
  const shown = all.filter((entry) => !quiet.includes(entry))
  const rows = shown.map(([name, host]) => rowOf(safeLine(name), host, verbose))
  if (quiet.length === 0) return rows
  const most = (pick: (host: HostSummary) => number) => Math.max(...quiet.map(([, host]) => pick(host)))
  const joined: HostSummary = {
    changed: 0,
    unchanged: quiet.reduce((sum, [, { unchanged }]) => sum + unchanged, 0),
    failed: 0,
    roundTrips: quiet.reduce((sum, [, { roundTrips }]) => sum + roundTrips, 0),
    seconds: {
      connect: most(({ seconds }) => seconds.connect),
      probe: most(({ seconds }) => seconds.probe),
      apply: most(({ seconds }) => seconds.apply),
      wait: most(({ seconds }) => seconds.wait),
    },
  }
  return [...rows, rowOf(`${quiet.length} unchanged hosts`, joined, verbose)]
}

const rowOf = (name: string, host: HostSummary, verbose: boolean): Row => {
  const { connect, probe, apply, wait } = host.seconds
  const phases = verbose ? [connect, probe, apply, wait] : []
  const numbers = [host.changed, host.unchanged, host.failed, host.roundTrips].map(String)
  const seconds = [...phases, secondsOf(host)].map((each) => each.toFixed(1))
  return { cells: [name, ...numbers, ...seconds], failed: host.failed > 0 }
}
