import { errorLines, warningLines } from './error-view.ts'
import type { Emit, RunEvent } from './events.ts'
import { hostNames } from './host-names.ts'
import { countPlan } from './plan-groups.ts'
import { planLines } from './plan-view.ts'
import { failedHosts, follow, newProgress, phaseText } from './progress.ts'
import { safeLine } from './safe.ts'
import { createScreen, type ScreenOptions } from './screen.ts'
import { closingLines, slowestLines, tableLines } from './summary-view.ts'
import { duration, pad } from './text.ts'

export type DisplayOptions = ScreenOptions & Readonly<{ verbose: boolean; diff: boolean }>

/** What a person sees of a run: what moves on a terminal while it works, else plain lines. */
export type Display = Readonly<{
  emit: Emit
  /** Takes away what moves; everything that was told is on the screen then. */
  settle: () => Promise<void>
}>

type Told = { readonly [Name in RunEvent['event']]?: (event: Extract<RunEvent, { event: Name }>) => void }

export const createDisplay = (options: DisplayOptions): Display => {
  const { verbose, diff, canMove, columns, style } = options
  const progress = newProgress()
  const screen = createScreen(progress, options)
  const began = performance.now()
  // Errors are shown beside the plan, before the question, and once more at the end when things were applied since.
  let shownErrors = 0

  const sayErrors = (): void => {
    screen.say(errorLines(progress.errors.slice(shownErrors), style), 'stderr')
    shownErrors = progress.errors.length
  }
  const nameWidth = () => Math.max(...[...progress.hosts.keys()].map((name) => safeLine(name).length))
  const sayLine = (host: string, text: string): void => screen.say([`${pad(safeLine(host), nameWidth())}  ${text}`])

  const told: Told = {
    start: () => {
      shownErrors = 0
    },
    phase: ({ host, phase }) => {
      const time = pad(duration((performance.now() - began) / 1000), 8, 'left')
      if (verbose) screen.say([style.dim(`${time}  ${safeLine(host)}  ${phaseText[phase]}`)])
      else screen.observing()
    },
    warning: (event) => screen.say(warningLines(event, style), 'stderr'),
    plan: (plan) => {
      if (countPlan(plan.hosts).all === 0) return
      const hosts = [...progress.hosts.keys()]
      const leftOut = failedHosts(progress)
      screen.say(planLines(plan, { hosts, leftOut, diff, verbose, columns: columns(), style }))
      sayErrors()
    },
    play: ({ play, hosts }) => {
      if (!canMove) screen.say([`${style.cyan(safeLine(play))} on ${hostNames(hosts)}`])
    },
    applying: () => screen.working(),
    applied: ({ host, role, resource, kind, ok, seconds }) => {
      const outcome = ok ? { change: 'changed', wait: 'met' }[kind] : 'failed'
      if (!canMove) sayLine(host, `${safeLine(`${role} › ${resource}`)}  ${outcome}  ${duration(seconds)}`)
    },
    summary: ({ hosts }) => {
      const view = { verbose, columns: columns(), style }
      if (progress.applied || verbose) screen.say(['', ...tableLines(hosts, view)])
      if (verbose) screen.say(slowestLines(progress, view))
      if (progress.applied) shownErrors = 0
      if (progress.errors.length > shownErrors) screen.say([''])
      sayErrors()
      screen.say([...(progress.applied ? [''] : []), ...closingLines(progress, view)])
      void screen.settle()
    },
  }

  return Object.freeze({
    emit: (event) => {
      follow(progress, event, performance.now())
      // biome-ignore lint/suspicious/noExplicitAny: the name picks the function that takes this event
      ;(told[event.event] as ((event: any) => void) | undefined)?.(event)
      screen.refresh()
    },
    settle: screen.settle,
  })
}
