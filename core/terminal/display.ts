import { errorLines, warningLines } from './error-view.ts'
import type { Emit, RunEvent } from './events.ts'
import { hostNames } from './host-names.ts'
import { countPlan } from './plan-groups.ts'
import { planLines } from './plan-view.ts'
import { failedHosts, follow, newProgress, type Progress, phaseText } from './progress.ts'
import { safeLine } from './safe.ts'
import { createScreen, type Screen, type ScreenOptions } from './screen.ts'
import { closingLines, clusterLine, summaryLines } from './summary-view.ts'
import { duration, pad } from './text.ts'

export type DisplayOptions = ScreenOptions & Readonly<{ verbose: boolean; diff: boolean }>

/** What a person sees of a run: what moves on a terminal while it works, else plain lines. */
export type Display = Readonly<{
  emit: Emit
  /** Takes away what moves; everything that was told is on the screen then. */
  settle: () => Promise<void>
}>

export const createDisplay = (options: DisplayOptions): Display => {
  const progress = newProgress()
  const screen = createScreen(progress, options)
  const troubles = createTroubles(progress, screen, options)
  const told = tellers(progress, screen, troubles, options)
  return Object.freeze({
    emit: (event) => {
      follow(progress, event, performance.now())
      // biome-ignore lint/suspicious/noExplicitAny: the name picks the function that takes this event
      ;(told[event.event] as ((event: any) => void) | undefined)?.(event)
      screen.refresh()
    },
    settle: () => {
      troubles.say()
      return screen.settle()
    },
  })
}

type WarningEvent = Extract<RunEvent, { event: 'warning' }>

/** Warnings and errors. They are gathered, so that the same one of 50 hosts is told once. */
type Troubles = Readonly<{
  warn: (warning: WarningEvent) => void
  /** Tells what was not told yet. */
  say: () => void
  /** Errors are to be told once more: they may have scrolled away. */
  again: () => void
}>

const createTroubles = (progress: Progress, screen: Screen, { style }: DisplayOptions): Troubles => {
  const warnings: WarningEvent[] = []
  let told = 0
  return {
    warn: (warning) => {
      warnings.push(warning)
    },
    say: () => {
      const lines = [...warningLines(warnings.splice(0), style), ...errorLines(progress.errors.slice(told), style)]
      const gap = lines.length > 0 && countPlan(progress.plan).all > 0 ? [''] : []
      screen.say([...gap, ...lines], 'stderr')
      told = progress.errors.length
    },
    again: () => {
      told = 0
    },
  }
}

type Told = { readonly [Name in RunEvent['event']]?: (event: Extract<RunEvent, { event: Name }>) => void }

const tellers = (progress: Progress, screen: Screen, troubles: Troubles, options: DisplayOptions): Told => {
  const { verbose, canMove, style } = options
  const clusters: string[] = []
  const began = performance.now()
  const view = () => ({ ...options, columns: Math.min(200, Math.max(60, options.columns())) })
  return {
    start: troubles.again,
    phase: ({ host, phase }) => {
      const time = pad(duration((performance.now() - began) / 1000), 8, 'left')
      if (verbose) screen.say([style.dim(`${time}  ${safeLine(host)}  ${phaseText[phase]}`)])
      else screen.observing()
    },
    warning: troubles.warn,
    plan: (plan) => {
      const { all, foreign } = countPlan(plan)
      if (all + foreign === 0) return
      screen.say(planLines(plan, { ...view(), hosts: [...progress.hosts.keys()], leftOut: failedHosts(progress) }))
      // Beside the plan: whoever is asked about it shall know what is not in it.
      troubles.say()
    },
    play: ({ play, hosts }) => {
      if (!canMove) screen.say(['', `${style.cyan(safeLine(play))} on ${hostNames(hosts)}`])
    },
    applying: () => screen.working(),
    applied: (event) => {
      if (!canMove) screen.say([appliedLine(event, [...progress.hosts.keys()])])
    },
    cluster: (cluster) => {
      clusters.push(clusterLine(cluster, style))
    },
    summary: () => {
      screen.say(summaryLines(progress, view()))
      if (progress.applied) troubles.again()
      troubles.say()
      screen.say([...(progress.applied && clusters.length > 0 ? [''] : []), ...clusters.splice(0)])
      screen.say(closingLines(progress, view()))
      void screen.settle()
    },
  }
}

// `node-1  changed   1.6 s  base › package nftables`
const appliedLine = (event: Extract<RunEvent, { event: 'applied' }>, hosts: readonly string[]): string => {
  const longest = Math.max(...hosts.map((name) => safeLine(name).length))
  const outcome = event.ok ? { change: 'changed', wait: 'met' }[event.kind] : 'failed'
  const took = pad(duration(event.seconds), 6, 'left')
  return [
    pad(safeLine(event.host), longest),
    pad(outcome, 7),
    took,
    safeLine(`${event.role} › ${event.resource}`),
  ].join('  ')
}
