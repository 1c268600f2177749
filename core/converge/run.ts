import { isUp } from '../declare/cluster.ts'
import type { Play } from '../declare/play.ts'
import { describe } from '../declare/resource.ts'
import { CaravanError, ConvergenceError, WaitError } from '../errors.ts'
import { redacting } from '../secrets/redact.ts'
import { EVENTS_VERSION, type ForeignEvent, type HostSummary, type PlannedEvent } from '../terminal/events.ts'
import { active, eachActive, fail, type Member, newMember, type RunInput } from './crew.ts'
import { elect } from './elect.ts'
import { closedGate, observedStandings, unmarked } from './gates.ts'
import { takeLeases } from './leases.ts'
import { meet, observeAgain } from './observe.ts'
import { runPlay } from './perform.ts'
import { hasChanges, hasWaits, makePlan, type Plan, type Planned } from './plan.ts'
import { foreignEvent, plannedEvent } from './plan-event.ts'

/** 0 converged, 1 failed, 2 drift under `--check`. */
export type Exit = 0 | 1 | 2

/**
 * One run: observe all hosts, plan, ask, apply play by play, observe again. Never throws for what a host did wrong:
 * that is told by events, and by the exit status.
 */
export const run = async (given: RunInput): Promise<Exit> => {
  const began = Date.now()
  const members = given.hosts.map((host) => newMember(host, given.fleet))
  const input = { ...given, emit: redacting(given.emit, () => members.map(({ compiled }) => compiled)) }
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
    tellClusters(members, input)
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
  await meet(members, input)
  elect(active(members))
  const plan = planFor(active(members))
  for (const member of active(members)) takePlan(member, plan, input)
  emitPlan(plan, members, input)
  const failed = () => active(members).length < members.length
  const drift = hasChanges(plan) || hasWaits(plan) || closedGates(members, input).length > 0
  if (input.check) return failed() ? 1 : drift ? 2 : 0
  if (!drift && !inOrder(input).some((index) => unmarked(input.plays[index] as Play, members, input).length > 0))
    return failed() ? 1 : 0
  if (hasChanges(plan) && !(await input.approve('plan'))) return 1
  if (hasChanges(plan)) await input.beforeApply?.()
  const leases = hasChanges(plan) ? await takeLeases(members, input) : undefined
  try {
    await runPlays(members, plan, input)
    await verify(members, input)
  } finally {
    await leases?.release()
  }
  return failed() ? 1 : 0
}

const inOrder = ({ selected }: RunInput): readonly number[] => [...selected].sort((a, b) => a - b)

/** All plays, one after the other; one that needs a gate that stayed closed is skipped, and named. */
const runPlays = async (members: readonly Member[], plan: Plan, input: RunInput): Promise<void> => {
  const closed = new Set<string>()
  for (const index of inOrder(input)) {
    const play = input.plays[index] as Play
    const missing = play.needs.find((name) => closed.has(name))
    const open = missing === undefined && (await runPlay(index, members, plan, input))
    if (!open) closed.add(play.role.name)
    if (missing === undefined) continue
    const error = new CaravanError(`skipped: the gate of ${missing} is closed`, {
      role: play.role.name,
      hint: 'run again once it opens',
    })
    for (const member of active(members))
      if (member.entries.some((entry) => entry.play === index)) fail(member, error, input.emit)
  }
}

/** The clustered plays whose gate is closed, by what the hosts said when they were observed. */
const closedGates = (members: readonly Member[], input: RunInput): readonly PlannedEvent[] =>
  inOrder(input).flatMap((index) => {
    const play = input.plays[index] as Play
    const reason = closedGate(play, active(members), input)
    if (reason === undefined) return []
    const changes = [{ property: 'gate', from: reason, to: 'open' }]
    return [
      {
        play: play.role.name,
        role: play.role.name,
        resource: `gate ${play.cluster?.name}`,
        at: '',
        kind: 'wait' as const,
        changes,
      },
    ]
  })

/** How each cluster stands, by the last probe of its servers. */
const tellClusters = (members: readonly Member[], input: RunInput): void => {
  for (const index of inOrder(input)) {
    const { cluster } = input.plays[index] as Play
    const standings = observedStandings(input.plays[index] as Play, members, input)
    if (cluster === undefined || standings === undefined) continue
    const [inside, outside] = [true, false].map((is) =>
      [...standings].flatMap(([name, standing]) => (isUp(standing) === is ? [name] : [])),
    ) as [string[], string[]]
    const [leader] = [...standings].find(([, standing]) => standing?.leader) ?? []
    input.emit({ event: 'cluster', cluster: cluster.name, ...(leader && { leader }), inside, outside })
  }
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

const emitPlan = (plan: Plan, members: readonly Member[], input: RunInput): void => {
  const nameOf = (play: number): string => input.plays[play]?.role.name ?? ''
  const entries = [...plan].map(([host, { planned }]): [string, PlannedEvent[]] => [
    host,
    planned.map((item) => plannedEvent(item, nameOf(item.play))),
  ])
  const others = [...plan].flatMap(([host, { foreign }]): [string, ForeignEvent[]][] =>
    foreign.length === 0 ? [] : [[host, foreign.map((item) => foreignEvent(item, nameOf(item.play)))]],
  )
  const unchanged = Object.fromEntries([...plan].map(([host, own]) => [host, own.unchanged]))
  // a gate is of no single host: it is told with the first
  entries[0]?.[1].push(...closedGates(members, input))
  const foreign = others.length === 0 ? {} : { foreign: Object.fromEntries(others) }
  input.emit({ event: 'plan', hosts: Object.fromEntries(entries), unchanged, ...foreign })
}

/** Everything that was selected on the hosts that were touched, once more: nothing may differ. */
const verify = (members: readonly Member[], input: RunInput): Promise<void> =>
  eachActive(
    members.filter(({ touched }) => touched),
    input,
    async (member) => {
      await observeAgain(member, member.entries, input)
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
  return new ConvergenceError(`was applied and still differs: ${differs.slice(0, 4000)}`, {
    ...details,
    hint: 'something on the host undoes it: two owners of one thing, or a program that rewrites its own files',
  })
}

const summaryOf = (member: Member): HostSummary => ({
  changed: member.changed,
  unchanged: member.unchanged,
  failed: member.failures.length,
  roundTrips: member.transport.roundTrips(),
  ...(member.api === undefined ? {} : { apiRequests: member.api.requests() }),
  seconds: member.seconds,
})
