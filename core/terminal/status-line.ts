import { hostNames } from './host-names.ts'
import type { Progress } from './progress.ts'
import type { Style } from './style.ts'
import { count, duration, truncate } from './text.ts'

/** One line that is there while hosts are observed, and gone afterwards. */
export type StatusLine = Readonly<{
  start: () => void
  /** Takes it away until it is drawn again, so that something else can be written. */
  clear: () => void
  stop: () => void
}>

/** Milliseconds before it appears: a run that is quick never shows it. */
const DELAY = 400

export const createStatusLine = (write: (text: string) => void, text: (seconds: number) => string): StatusLine => {
  let timer: NodeJS.Timeout | undefined
  let shown = ''
  const began = performance.now()
  const draw = (): void => {
    const next = text((performance.now() - began) / 1000)
    if (next === shown) return
    write(`\r\u001b[K${next}`)
    shown = next
  }
  const clear = (): void => {
    if (shown !== '') write('\r\u001b[K')
    shown = ''
  }
  return {
    start: () => {
      // Unref'd: a display never keeps a run alive.
      timer ??= setInterval(draw, DELAY).unref()
    },
    clear,
    stop: () => {
      clearInterval(timer)
      timer = undefined
      clear()
    },
  }
}

/** `1 of 3 hosts · probing node-1 · connecting node-3 · 1.2 s` */
export const statusText = ({ hosts }: Progress, seconds: number, columns: number, style: Style): string => {
  const open = [...hosts].filter(([, { doing }]) => doing !== undefined)
  if (open.length === 0) return ''
  const byPhase = Map.groupBy(open, ([, { doing }]) => doing?.text ?? '')
  const parts = [...byPhase].map(([phase, all]) => `${phase} ${hostNames(all.map(([name]) => name))}`)
  const done = `${hosts.size - open.length} of ${count(hosts.size, 'host')}`
  return style.dim(truncate([done, ...parts, duration(seconds)].join(' · '), columns - 1))
}
