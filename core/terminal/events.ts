import type { ErrorDetails } from '../errors.ts'

/** The version of this schema; it grows when a field changes its meaning or goes away. */
export const EVENTS_VERSION = 1

/** One changed property, as people read it. `diff` is a unified diff without its two header lines. */
export type ChangeEvent = Readonly<{ property: string; from: string; to: string; diff?: string }>

/** What the plan says of one resource on one host. Resources with nothing to do are only counted. */
export type PlannedEvent = Readonly<{
  play: string
  role: string
  /** `file /etc/hosts` */
  resource: string
  at: string
  /** `firm` will be made; `provisional` depends on an earlier change; `wait` is waited for and is no change. */
  kind: 'firm' | 'provisional' | 'wait'
  changes: readonly ChangeEvent[]
}>

/** What others did to one resource on one host, which stays: `from` as declared, `to` as it is. */
export type ForeignEvent = Omit<PlannedEvent, 'kind'>

/** One host in the summary; seconds are of wall time on the controller. */
export type HostSummary = Readonly<{
  changed: number
  unchanged: number
  failed: number
  roundTrips: number
  /** Requests to a vendor's API; of `controller` only. */
  apiRequests?: number
  seconds: Readonly<{ connect: number; probe: number; apply: number; wait: number }>
}>

export type ErrorEvent = Readonly<{ message: string } & ErrorDetails>

/** Everything that a run tells: the terminal, `--json` and the run records all live on these alone. */
export type RunEvent =
  | Readonly<{
      event: 'start'
      version: number
      run: string
      playbook: string
      check: boolean
      hosts: readonly string[]
      roles: readonly string[]
    }>
  /** A phase of one host begins. `probe` again after an apply; `verify` is the last probe. */
  | Readonly<{ event: 'phase'; host: string; phase: 'connect' | 'facts' | 'probe' | 'verify'; play?: string }>
  /** What a phase asked for was read; it took so many seconds. Between the two the host is what a run waits for. */
  | Readonly<{ event: 'phaseEnd'; host: string; phase: 'connect' | 'facts' | 'probe' | 'verify'; seconds: number }>
  | Readonly<{ event: 'warning'; host?: string; message: string; hint?: string }>
  | Readonly<{
      event: 'plan'
      hosts: Readonly<Record<string, readonly PlannedEvent[]>>
      /** Resources with nothing to do, per host. */
      unchanged: Readonly<Record<string, number>>
      /** What others changed and may, on hosts where there is something; absent: nothing. */
      foreign?: Readonly<Record<string, readonly ForeignEvent[]>>
    }>
  | Readonly<{ event: 'play'; play: string; hosts: readonly string[] }>
  /** A resource is being applied, or waited for. */
  | Readonly<{ event: 'applying'; host: string; play: string; role: string; resource: string; kind: 'change' | 'wait' }>
  | Readonly<{
      event: 'applied'
      host: string
      play: string
      role: string
      resource: string
      kind: 'change' | 'wait'
      ok: boolean
      seconds: number
    }>
  | Readonly<{ event: 'error'; error: ErrorEvent }>
  /** How a cluster stands at the end: who leads it, whose servers take part with a vote, and whose do not. */
  | Readonly<{
      event: 'cluster'
      cluster: string
      leader?: string
      inside: readonly string[]
      outside: readonly string[]
    }>
  | Readonly<{
      event: 'summary'
      hosts: Readonly<Record<string, HostSummary>>
      /** 0 converged, 1 failed, 2 drift under `--check`. */
      exit: 0 | 1 | 2
      /** Whole run, wall time. */
      seconds: number
    }>

/** Where events go. Every line of `--json` and of a record is one event, with the `time` at which it came. */
export type Emit = (event: RunEvent) => void
