import { describe } from '../declare/resource.ts'
import { type CaravanError, ChangedSincePlanError, ConvergenceError, WaitError } from '../errors.ts'
import { EVENTS_VERSION, type HostSummary, type PlannedEvent } from '../terminal/events.ts'
import { apply, workOf } from './apply.ts'
import {
  active,
  connectAll,
  eachActive,
  fail,
  type Member,
  newMember,
  observe,
  observeAgain,
  type RunInput,
} from './crew.ts'
import { takeLeases } from './leases.ts'
import { hasChanges, hasWaits, makePlan, type Plan, type Planned } from './plan.ts'
import { plannedEvent } from './plan-event.ts'

/** 0 converged, 1 failed, 2 drift under `--check`. */
export type Exit = 0 | 1 | 2

/**
 * One run: observe all hosts, plan, ask, apply play by play, observe again. Never throws for what a host did wrong:
 * that is told by events, and by the exit status.
 */
export const run = async (input: RunInput): Promise<Exit> => {
  const began = Date.now()
  const members = input.hosts.map((host) => newMember(host, input.fleet))
  input.emit({
    event: 'start',
    version: EVENTS_VERSION,
    run: input.id,
    playbook: input.playbook,
    check: input.check,
    hosts: input.hosts.map(({ name }) => name),
    roles: [...input.selected].map((index) => input.plays[index]?.role.name ?? ''),
  })
  let exit: Exit = 1
  try {
    exit = await converge(members, input)
  } finally {
    input.emit({
      event: 'summary',
      hosts: Object.fromEntries(members.map((member) => [member.host.name, summaryOf(member)])),
      exit,
      seconds: (Date.now() - began) / 1000,
    })
  }
  return exit
}

const converge = async (members: readonly Member[], input: RunInput): Promise<Exit> => {
  await connectAll(members, input)
  await eachActive(members, input, (member) => observe(member, input))
  const plan = planFor(active(members))
  for (const member of active(members)) takePlan(member, plan, input)
  emitPlan(plan, input)
  const failed = () => active(members).length < members.length
  const drift = hasChanges(plan) || hasWaits(plan)
  if (input.check) return failed() ? 1 : drift ? 2 : 0
  if (!drift) return failed() ? 1 : 0
  if (hasChanges(plan) && !(await input.approve('plan'))) return 1
  const leases = hasChanges(plan) ? await takeLeases(members, input) : undefined
  try {
    for (const play of [...input.selected].sort((a, b) => a - b)) await runPlay(play, members, plan, input)
    await verify(members, input)
  } finally {
    await leases?.release()
  }
  return failed() ? 1 : 0
}

const planFor = (members: readonly Member[], earlier = false): Plan =>
  makePlan(
    members.map(({ host, entries, haves }) => ({ host: host.name, entries, haves })),
    earlier,
  )

const takePlan = (member: Member, plan: Plan, { emit }: RunInput): void => {
  const own = plan.get(member.host.name)
  member.unchanged = own?.unchanged ?? 0
  member.approved = new Set(own?.planned.filter(({ kind }) => kind !== 'wait').map(({ identity }) => identity))
  for (const problem of own?.problems ?? []) fail(member, problem, emit)
}

const emitPlan = (plan: Plan, { emit, plays }: RunInput): void => {
  const entries = [...plan].map(([host, { planned }]): [string, PlannedEvent[]] => [
    host,
    planned.map((item) => plannedEvent(item, plays[item.play]?.role.name ?? '')),
  ])
  const unchanged = Object.fromEntries([...plan].map(([host, own]) => [host, own.unchanged]))
  emit({ event: 'plan', hosts: Object.fromEntries(entries), unchanged })
}

/** One play on all hosts that are still in the run; hosts that were touched are observed again first. */
const runPlay = async (play: number, members: readonly Member[], approved: Plan, input: RunInput): Promise<void> => {
  const taking = active(members).filter(({ entries }) => entries.some((entry) => entry.play === play))
  if (taking.length === 0) return
  const plans = new Map<Member, readonly Planned[]>()
  await eachActive(taking, input, async (member) => {
    const fresh =
      member.touched || member.stale ? await replan(member, play, input) : approved.get(member.host.name)?.planned
    plans.set(
      member,
      (fresh ?? []).filter((planned) => planned.play === play),
    )
  })
  for (const member of active(taking)) await holdToPlan(member, plans.get(member) ?? [], input)
  const busy = active(taking).filter((member) => (plans.get(member) ?? []).length > 0)
  if (busy.length === 0) return
  const name = input.plays[play]?.role.name ?? ''
  input.emit({ event: 'play', play: name, hosts: busy.map(({ host }) => host.name) })
  await eachActive(busy, input, (member) => applyPlay(member, play, plans.get(member) ?? [], input))
}

const replan = async (member: Member, play: number, input: RunInput): Promise<readonly Planned[]> => {
  const entries = await observeAgain(member, input, play)
  const state = { host: member.host.name, entries, haves: member.haves }
  const own = makePlan([state], true).get(member.host.name)
  const [problem] = own?.problems ?? []
  if (problem !== undefined) throw problem
  return own?.planned ?? []
}

// What the person did not approve is never applied, whoever changed it in the meantime.
const holdToPlan = async (member: Member, planned: readonly Planned[], input: RunInput): Promise<void> => {
  const strangers = planned.filter(({ kind, identity }) => kind !== 'wait' && !member.approved.has(identity))
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
    await apply(input.id, works, member.transport, (work, state, seconds) => {
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
    })
  } finally {
    member.seconds.apply += (Date.now() - began) / 1000 - (member.seconds.wait - waitedBefore)
  }
}

/** Everything that was selected on the hosts that were touched, once more: nothing may differ. */
const verify = (members: readonly Member[], input: RunInput): Promise<void> =>
  eachActive(
    members.filter(({ touched }) => touched),
    input,
    async (member) => {
      await observeAgain(member, input)
      const own = planFor([member]).get(member.host.name)
      const remaining = (own?.planned ?? []).map(notConverged)
      const [first, ...others] = [...(own?.problems ?? []), ...remaining]
      for (const error of others) fail(member, error, input.emit)
      if (first !== undefined) throw first
    },
  )

const notConverged = ({ role, resource, changes, kind }: Planned): CaravanError => {
  const details = { role, resource: describe(resource), at: resource.at }
  if (kind === 'wait') return new WaitError('held while it was applied and no longer does', details)
  const differs = changes.map(({ property, from, to }) => `${property}: ${from} → ${to}`).join('; ')
  return new ConvergenceError(`was applied and still differs: ${differs}`, {
    ...details,
    hint: 'something on the host undoes it: two owners of one thing, or a program that rewrites its own files',
  })
}

const summaryOf = (member: Member): HostSummary => ({
  changed: member.changed,
  unchanged: member.unchanged,
  failed: member.failures.length,
  roundTrips: member.transport.roundTrips(),
  seconds: member.seconds,
})
