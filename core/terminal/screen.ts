import { type Live, startLive } from './live.ts'
import type { Progress } from './progress.ts'
import { createStatusLine, statusText } from './status-line.ts'
import type { Style } from './style.ts'

export type ScreenOptions = Readonly<{
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  /** Whether the terminal can move its cursor; without that nothing moves and lines are all there is. */
  canMove: boolean
  columns: () => number
  style: Style
}>

/** Lines, and at most one thing that moves below them. Lines are held back while the live display is there. */
export type Screen = Readonly<{
  say: (lines: readonly string[], stream?: 'stdout' | 'stderr') => void
  /** Hosts are being observed: a status line, if it takes long. */
  observing: () => void
  /** Things are being applied: the live display. */
  working: () => void
  /** Something was told: what moves is drawn anew. */
  refresh: () => void
  /** Takes away what moves and writes what was held back. */
  settle: () => Promise<void>
}>

export const createScreen = (progress: Progress, options: ScreenOptions): Screen => {
  const { canMove, columns, style } = options
  const held: (() => void)[] = []
  let live: Live | undefined
  const status = createStatusLine(
    (text) => options.stdout.write(text),
    (seconds) => statusText(progress, seconds, columns(), style),
  )
  const flush = (): void => {
    for (const write of held.splice(0)) write()
  }
  const stop = async (): Promise<void> => {
    await live?.stop()
    live = undefined
    flush()
  }
  let settling: Promise<void> | undefined
  return Object.freeze({
    say: (lines, stream = 'stdout') => {
      if (lines.length === 0) return
      status.clear()
      held.push(() => options[stream].write(`${lines.join('\n')}\n`))
      if (live === undefined) flush()
    },
    observing: () => {
      if (canMove && live === undefined) status.start()
    },
    working: () => {
      status.stop()
      if (canMove) live ??= startLive(progress, options)
    },
    refresh: () => live?.refresh(),
    settle: () => {
      status.stop()
      settling ??= stop().finally(() => {
        settling = undefined
      })
      return settling
    },
  } satisfies Screen)
}
