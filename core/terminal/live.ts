import type { ListrTask } from 'listr2'
import type { HostProgress, Progress } from './progress.ts'
import { safeLine } from './safe.ts'
import type { Style } from './style.ts'
import { count, duration, pad, width } from './text.ts'

export type LiveOptions = Readonly<{
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  style: Style
}>

/** What is shown while things are applied. */
export type Live = Readonly<{
  /** To be called after each event. */
  refresh: () => void
  /** Takes it off the screen. */
  stop: () => Promise<void>
}>

/** Seconds after which a line says how long its resource is taking. */
const LONG = 3
/** Lines at most; with more hosts only those that are at work have one. */
const LINES = 16

type Row = { title: () => string; failure: () => string | undefined; settle?: Settle; task?: Titled }
type Titled = { title: string | undefined }
type Settle = { resolve: () => void; reject: (error: Error) => void }

/** Starts the live display of a run: a line for each host, or for each that works where they are many. */
export const startLive = (progress: Progress, options: LiveOptions): Live => {
  const rows = rowsOf(progress, options)
  let stopped = false
  const refresh = (): void => rows.forEach(refreshRow)
  const ended = show(rows, options, () => stopped)
  const timer = setInterval(refresh, 1000).unref()
  return {
    refresh,
    stop: async () => {
      stopped = true
      clearInterval(timer)
      for (const { settle } of rows) settle?.resolve()
      await ended
    },
  }
}

// listr2 is loaded on demand, because a run that changes nothing shall not pay for it.
const show = async (rows: readonly Row[], { stdout, stderr }: LiveOptions, isStopped: () => boolean): Promise<void> => {
  const { Listr, ListrLogger, ProcessOutput } = await import('listr2')
  if (isStopped()) return
  const processOutput = new ProcessOutput(stdout, stderr, { leaveEmptyLine: false })
  const rendererOptions = {
    clearOutput: true,
    formatOutput: 'truncate',
    logger: new ListrLogger({ processOutput }),
  } as const
  const list = new Listr(
    rows.map((row): ListrTask => ({ title: row.title(), task: (_, task) => runRow(row, task, isStopped()) })),
    {
      concurrent: true,
      exitOnError: false,
      // Ctrl-C belongs to whoever runs the playbook.
      registerSignalListeners: false,
      renderer: 'default',
      rendererOptions,
      // That this is a terminal was found out already, and of the stream that is used.
      fallbackRenderer: 'default',
      fallbackRendererOptions: rendererOptions,
    },
  )
  await list.run()
}

// listr2 starts a task some time after it was told to, when the run may be over already.
const runRow = async (row: Row, task: Titled, stopped: boolean): Promise<void> => {
  if (stopped) return
  row.task = task
  await new Promise<void>((resolve, reject) => {
    row.settle = { resolve, reject }
    refreshRow(row)
  })
}

const refreshRow = (row: Row): void => {
  const failure = row.failure()
  const title = row.title()
  if (failure !== undefined) row.settle?.reject(new Error(failure))
  else if (row.task !== undefined && row.task.title !== title) row.task.title = title
}

const rowsOf = (progress: Progress, { stdout, style }: LiveOptions): Row[] => {
  const room = Math.min(LINES, Math.max(4, (stdout.rows ?? 24) - 3))
  const names = [...progress.hosts.keys()]
  if (names.length > room) return [{ title: () => compact(progress, room, style), failure: () => undefined }]
  const longest = Math.max(...names.map((name) => width(safeLine(name))))
  return names.map((name) => {
    const host = () => progress.hosts.get(name) as HostProgress
    const line = (text: string) => `${pad(safeLine(name), longest)}  ${countOf(host())}  ${text}`
    return {
      title: () => line(stateOf(host(), style)),
      failure: () => (host().failed ? line(failureOf(progress, name)) : undefined),
    }
  })
}

/** `31 of 50 hosts done · 18 at work · 1 failed`, then a line for each that works. */
const compact = ({ hosts }: Progress, room: number, style: Style): string => {
  const all = [...hosts]
  // What takes longest is what one waits for: it comes first.
  const since = ({ doing }: HostProgress) => doing?.since ?? Number.POSITIVE_INFINITY
  const busy = all.filter(([, { doing }]) => doing !== undefined).sort(([, a], [, b]) => since(a) - since(b))
  const failed = all.filter(([, host]) => host.failed).length
  const done = all.filter(([, host]) => !host.failed && host.done >= host.planned && host.doing === undefined).length
  const parts = [`${done} of ${count(all.length, 'host')} done`, `${busy.length} at work`]
  if (failed > 0) parts.push(style.red(`${failed} failed`))
  const lines = busy
    .slice(0, room - 2)
    .map(([name, host]) => `${safeLine(name)}  ${countOf(host)}  ${stateOf(host, style)}`)
  const more = busy.length - lines.length
  return [parts.join(' · '), ...lines, ...(more > 0 ? [style.dim(`and ${more} more`)] : [])].join('\n')
}

const countOf = ({ done, planned }: HostProgress): string => pad(`${done}/${planned}`, 5, 'left')

const stateOf = ({ doing, done, planned }: HostProgress, style: Style): string => {
  if (doing === undefined) return style.dim(done >= planned ? 'done' : '…')
  const seconds = (performance.now() - doing.since) / 1000
  const took = seconds > LONG ? style.dim(`  ${duration(Math.floor(seconds))}`) : ''
  return `${doing.kind === 'wait' ? 'waits for ' : ''}${safeLine(doing.text)}${took}`
}

const failureOf = ({ errors }: Progress, name: string): string => {
  const error = errors.findLast(({ host }) => host === name)
  const place = [error?.role, error?.resource].filter((part) => part !== undefined).join(' › ')
  return safeLine([place, error?.message ?? 'failed'].filter((part) => part !== '').join(': '))
}
