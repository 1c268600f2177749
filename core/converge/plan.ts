import { type Change, describe, identityOf, type Resource, Unknown } from '../declare/resource.ts'
import { asCaravanError, type CaravanError, ProbeError } from '../errors.ts'
import type { Entry } from './compile.ts'
import type { Haves } from './probe.ts'

/** What will be done about one resource. `provisional`: it depends on an earlier change, so it may turn out otherwise. */
export type Planned = Entry &
  Readonly<{ kind: 'firm' | 'provisional' | 'wait'; changes: readonly Change[]; have: unknown }>

/** What others did to a resource, and what stays as it is. */
export type Foreign = Entry & Readonly<{ changes: readonly Change[] }>

/** One host as the planner knows it. */
export type HostState = Readonly<{ host: string; entries: readonly Entry[]; haves: Haves }>

/** The plan of one host. */
export type HostPlan = Readonly<{
  /** In the order of apply; resources that are right are not in it. */
  planned: readonly Planned[]
  /** Resources with nothing to do. */
  unchanged: number
  /** Resources that others changed, where that stays; they are counted above all the same. */
  foreign: readonly Foreign[]
  /** What makes this plan impossible. */
  problems: readonly CaravanError[]
}>

/** A plan per host name. */
export type Plan = ReadonlyMap<string, HostPlan>

type Progress = {
  planned: Planned[]
  problems: CaravanError[]
  unchanged: number
  foreign: Foreign[]
  /** What was planned to change, by identity, in any play so far. */
  changed: Map<string, readonly Change[]>
}

/**
 * What has to be done, play by play over all hosts, since an earlier play on any host may be what a later one needs.
 * `earlier`: whether something was changed already before these plays, in this run.
 */
export const makePlan = (states: readonly HostState[], earlier = false): Plan => {
  const plays = [...new Set(states.flatMap(({ entries }) => entries.map(({ play }) => play)))].sort((a, b) => a - b)
  const progress = new Map<string, Progress>()
  for (const { host } of states)
    progress.set(host, { planned: [], problems: [], unchanged: 0, foreign: [], changed: new Map() })
  let changedBefore = earlier
  for (const play of plays) {
    for (const state of states) planPlay(state, play, changedBefore, progress.get(state.host) as Progress)
    changedBefore ||= [...progress.values()].some(({ changed }) => changed.size > 0)
  }
  return progress
}

const planPlay = (state: HostState, play: number, changedBefore: boolean, progress: Progress): void => {
  for (const entry of state.entries.filter((candidate) => candidate.play === play)) {
    const earlier = changedBefore || progress.changed.size > 0
    try {
      const planned = planEntry(entry, state.haves.get(entry.identity), earlier, progress.changed)
      if (planned === undefined) progress.unchanged++
      else progress.planned.push(planned)
      if (planned !== undefined && planned.kind !== 'wait') progress.changed.set(entry.identity, planned.changes)
      const changes = foreignTo(entry, state.haves.get(entry.identity))
      if (changes.length > 0) progress.foreign.push({ ...entry, changes })
    } catch (error) {
      const { role, resource } = entry
      const details = { host: state.host, role, resource: describe(resource), at: resource.at }
      progress.problems.push(asCaravanError(error).with(details))
    }
  }
}

const planEntry = (
  entry: Entry,
  have: unknown,
  earlier: boolean,
  changed: Progress['changed'],
): Planned | undefined => {
  const { type, want } = entry.resource
  if (Unknown.is(have)) {
    if (!earlier) throw cannotObserve(entry, have)
    const changes = [{ property: 'state', from: `(cannot be observed yet: ${have.why})`, to: 'as declared' }]
    return { ...entry, kind: type.waits ? 'wait' : 'provisional', changes, have }
  }
  const isLoud = (resource: Resource): boolean =>
    (changed.get(identityOf(resource)) ?? []).some(({ property }) => !resource.type.quiet?.includes(property))
  const changes = type.diff(want, have, { changes: isLoud })
  if (changes.length === 0) return undefined
  return { ...entry, kind: type.waits ? 'wait' : 'firm', changes, have }
}

const foreignTo = ({ resource: { type, want } }: Entry, have: unknown): readonly Change[] =>
  Unknown.is(have) ? [] : (type.foreign?.(want, have) ?? [])

const cannotObserve = ({ resource }: Entry, { why }: Unknown): ProbeError =>
  new ProbeError(`${describe(resource)} cannot be observed: ${why}; nothing before it in this run would change that`, {
    hint: 'select also the role that provides what is missing (leave out --roles), or look at the host',
  })

/** Whether anything would be applied. */
export const hasChanges = (plan: Plan): boolean =>
  [...plan.values()].some(({ planned }) => planned.some(({ kind }) => kind !== 'wait'))

/** Whether anything is waited for. */
export const hasWaits = (plan: Plan): boolean =>
  [...plan.values()].some(({ planned }) => planned.some(({ kind }) => kind === 'wait'))
