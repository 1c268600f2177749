import type { Play } from '../declare/play.ts'
import { describe } from '../declare/resource.ts'
import { ChangedSincePlanError } from '../errors.ts'
import { apply, type Progress, workOf } from './apply.ts'
import { applyApis } from './controller.ts'
import { active, eachActive, fail, type Member, type RunInput } from './crew.ts'
import { elect } from './elect.ts'
import { observeAgain } from './observe.ts'
import { makePlan, type Plan, type Planned } from './plan.ts'
import { rollOut, waitAtGate } from './rollout.ts'

/**
 * One play on all hosts that are still in the run; hosts that were touched are observed again first.
 * Whether its gate is open afterwards.
 */
export const runPlay = async (
  play: number,
  members: readonly Member[],
  approved: Plan,
  input: RunInput,
): Promise<boolean> => {
  await electAgain(play, members, input)
  const taking = active(members).filter(({ entries }) => entries.some((entry) => entry.play === play))
  if (taking.length === 0) return true
  const plans = new Map<Member, readonly Planned[]>()
  await eachActive(taking, input, async (member) => {
    const fresh =
      member.touched || member.stale ? await replan(member, play, input) : approved.get(member.host.name)?.planned
    plans.set(
      member,
      (fresh ?? []).filter((planned) => planned.play === play),
    )
  })
  const approvedForOne = new Set(members.flatMap(({ approved }) => [...approved]))
  for (const member of active(taking)) {
    const strangers = (plans.get(member) ?? []).filter(
      ({ kind, identity, resource }) =>
        kind !== 'wait' && !(resource.one ? approvedForOne : member.approved).has(identity),
    )
    await holdToPlan(member, strangers, input)
  }
  const busy = active(taking).filter((member) => (plans.get(member) ?? []).length > 0)
  const own = input.plays[play] as Play
  if (busy.length === 0) return waitAtGate(own, members, input)
  const name = own.role.name
  input.emit({ event: 'play', play: name, hosts: busy.map(({ host }) => host.name) })
  const apply = (member: Member) => applyPlay(member, play, plans.get(member) ?? [], input)
  const takesAway = (member: Member) => (plans.get(member) ?? []).some(mayEndProgram)
  return rollOut({ play: own, members, busy, apply, takesAway }, input)
}

// What is provisional may turn out to need anything.
const mayEndProgram = ({ kind, resource, changes }: Planned): boolean =>
  kind !== 'wait' && (kind === 'provisional' || !resource.type.endsNothing?.(changes))

/** What may have been changed on any host of a cluster, or whose owner has left, is observed by all candidates again. */
const electAgain = async (play: number, members: readonly Member[], input: RunInput): Promise<void> => {
  const shared = ({ compiled }: Member) => compiled.filter((entry) => entry.play === play && entry.resource.one)
  const candidates = active(members).filter((member) => shared(member).length > 0)
  if (
    candidates.length === 0 ||
    !members.some(({ touched, stale, failures }) => touched || stale || failures.length > 0)
  )
    return
  await eachActive(candidates, input, (member) => observeAgain(member, shared(member), input, play))
  elect(active(members))
  // what one host saw is no longer what the plan was made from
  for (const member of candidates) member.stale = true
}

const replan = async (member: Member, play: number, input: RunInput): Promise<readonly Planned[]> => {
  const entries = member.entries.filter((entry) => entry.play === play)
  await observeAgain(member, entries, input, play)
  const state = { host: member.host.name, entries, haves: member.haves }
  const own = makePlan([state], true).get(member.host.name)
  const [problem] = own?.problems ?? []
  if (problem !== undefined) throw problem
  return own?.planned ?? []
}

// What the person did not approve is never applied, whoever changed it in the meantime.
const holdToPlan = async (member: Member, strangers: readonly Planned[], input: RunInput): Promise<void> => {
  if (strangers.length === 0) return
  const names = strangers.map(({ resource }) => describe(resource)).join(', ')
  input.emit({ event: 'warning', host: member.host.name, message: `${names}: changed since the plan` })
  if (await input.approve('changed since the plan')) return
  const { role, resource } = strangers[0] as Planned
  const details = { role, resource: names, at: resource.at, hint: 'run again: the next plan will show it' }
  fail(member, new ChangedSincePlanError('was right when the plan was made and now differs', details), input.emit)
}

const applyPlay = async (member: Member, play: number, planned: readonly Planned[], input: RunInput): Promise<void> => {
  const { emit, plays } = input
  const name = plays[play]?.role.name ?? ''
  const works = workOf(play, member.entries, planned)
  const began = Date.now()
  const waitedBefore = member.seconds.wait
  try {
    member.touched ||= works.some(({ kind }) => kind !== 'wait')
    const progress: Progress = (work, state, seconds) => {
      const kind = work.kind === 'wait' ? 'wait' : 'change'
      const place = {
        host: member.host.name,
        play: name,
        role: work.role,
        resource: describe(work.resource),
        kind,
      } as const
      if (state === 'begin') return emit({ event: 'applying', ...place })
      if (kind === 'wait') member.seconds.wait += seconds
      else if (state === 'done') member.changed++
      emit({ event: 'applied', ...place, ok: state === 'done', seconds })
    }
    if (member.api === undefined) await apply(input.id, works, member.transport, progress)
    else await applyApis(works, member.api, progress)
  } finally {
    member.seconds.apply += (Date.now() - began) / 1000 - (member.seconds.wait - waitedBefore)
  }
}
