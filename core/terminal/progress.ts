import type { ErrorEvent, HostSummary, RunEvent } from './events.ts'
import type { PlanEvent } from './plan-groups.ts'

/** Where one host is. */
export type HostProgress = {
  /** What a run waits for there; undefined: for nothing. */
  doing: { text: string; kind: 'phase' | 'change' | 'wait'; since: number } | undefined
  /** Resources that the plan changes or waits for, and how many of them are done. */
  planned: number
  done: number
  failed: boolean
}

/** What has been told of a run so far. Only `follow` writes it. */
export type Progress = {
  hosts: Map<string, HostProgress>
  /** The newest plan. */
  plan: Pick<PlanEvent, 'hosts' | 'foreign'>
  /** Whether anything was applied or waited for. */
  applied: boolean
  /** How many waits were met. */
  waited: number
  errors: ErrorEvent[]
  slowest: readonly Readonly<{ host: string; role: string; resource: string; seconds: number }>[]
  summary: Extract<RunEvent, { event: 'summary' }> | undefined
}

export const newProgress = (): Progress => ({
  hosts: new Map(),
  plan: { hosts: {} },
  applied: false,
  waited: 0,
  errors: [],
  slowest: [],
  summary: undefined,
})

/** What is going on in a phase. */
export const phaseText = { connect: 'connecting', facts: 'reading facts', probe: 'probing', verify: 'verifying' }

/** Takes one event into account; `now` is in milliseconds of any clock. */
export const follow = (progress: Progress, event: RunEvent, now: number): void => {
  if (event.event === 'start') begin(progress, event)
  else if (event.event === 'phase')
    hostOf(progress, event.host).doing = { text: phaseText[event.phase], kind: 'phase', since: now }
  else if (event.event === 'phaseEnd') hostOf(progress, event.host).doing = undefined
  else if (event.event === 'plan') takePlan(progress, event)
  else if (event.event === 'applying') {
    progress.applied = true
    hostOf(progress, event.host).doing = { text: placeOf(event), kind: event.kind, since: now }
  } else if (event.event === 'applied') takeApplied(progress, event)
  else if (event.event === 'error') takeError(progress, event.error)
  else if (event.event === 'summary') progress.summary = event
}

/** Hosts that have left the run because of an error. */
export const failedHosts = ({ errors }: Progress): ReadonlySet<string> =>
  new Set(errors.flatMap(({ host }) => host ?? []))

/** What a host's line in the summary counts, over all hosts. */
export const totals = (hosts: Readonly<Record<string, HostSummary>>) => ({
  changed: sum(Object.values(hosts).map(({ changed }) => changed)),
  unchanged: sum(Object.values(hosts).map(({ unchanged }) => unchanged)),
})

/** Whole seconds of one host's phases. */
export const secondsOf = ({ seconds }: HostSummary): number =>
  seconds.connect + seconds.probe + seconds.apply + seconds.wait

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

const newHost = (): HostProgress => ({ doing: undefined, planned: 0, done: 0, failed: false })

const placeOf = ({ role, resource }: { role: string; resource: string }): string => `${role} › ${resource}`

const hostOf = ({ hosts }: Progress, name: string): HostProgress => {
  const host = hosts.get(name) ?? newHost()
  hosts.set(name, host)
  return host
}

// One progress is told of every run of a playbook, so the next run clears it.
const begin = (progress: Progress, start: Extract<RunEvent, { event: 'start' }>): void => {
  Object.assign(progress, newProgress())
  for (const host of start.hosts) progress.hosts.set(host, newHost())
}

const takeError = (progress: Progress, error: ErrorEvent): void => {
  progress.errors.push(error)
  if (error.host !== undefined) Object.assign(hostOf(progress, error.host), { failed: true, doing: undefined })
}

const takePlan = (progress: Progress, plan: Progress['plan']): void => {
  progress.plan = plan
  for (const host of progress.hosts.values()) host.doing = undefined
  for (const [name, planned] of Object.entries(plan.hosts)) hostOf(progress, name).planned = planned.length
}

const takeApplied = (progress: Progress, event: Extract<RunEvent, { event: 'applied' }>): void => {
  const { host, role, resource, seconds } = event
  const own = hostOf(progress, host)
  own.doing = undefined
  if (event.ok) own.done++
  if (event.ok && event.kind === 'wait') progress.waited++
  progress.slowest = [...progress.slowest, { host, role, resource, seconds }]
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, 5)
}
