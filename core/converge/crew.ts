import { CONTROLLER, type Facts, type Host } from '../declare/host.ts'
import type { Inventory } from '../declare/inventory.ts'
import { hostsOfPlay, type Play } from '../declare/play.ts'
import { asCaravanError, CaravanError, ProbeError } from '../errors.ts'
import { localTransport } from '../remote/local.ts'
import type { Fleet } from '../remote/ssh.ts'
import type { Transport } from '../remote/transport.ts'
import type { Emit } from '../terminal/events.ts'
import { compile, type Entry, inputFor } from './compile.ts'
import { type CountingFetch, controllerFacts, countingFetch, probeApis } from './controller.ts'
import type { ObservedFacts } from './facts.ts'
import { type FactsCache, sameFacts } from './facts-cache.ts'
import { type Haves, type Probe, probe } from './probe.ts'

/** What a run works with. */
export type RunInput = Readonly<{
  /** The name of the run: what its lease, logs and record are called. */
  id: string
  playbook: string
  inventory: Inventory
  /** All plays of the site. */
  plays: readonly Play[]
  /** Indices of the plays that `--roles` leaves. */
  selected: ReadonlySet<number>
  /** The hosts that `--limit` leaves. */
  hosts: readonly Host[]
  check: boolean
  /** How many hosts are worked on at once. */
  forks: number
  /** Seconds to wait for another run that holds a host. */
  lockWait: number
  fleet: Fleet
  cache: FactsCache
  emit: Emit
  /** Asks whether the plan shall be applied, or a host's changed one. False: no. */
  approve: (question: 'plan' | 'changed since the plan') => Promise<boolean>
  /** Aborted when the person wants the run to end: what is being applied is finished, and nothing else begins. */
  stop: AbortSignal
  /** Whether a person can be asked to unlock a connection. */
  canAsk: boolean
}>

/** A host in a run. Only the functions of the run write it. */
export type Member = {
  readonly host: Host
  readonly transport: Transport
  /** Of the controller only: how it reaches APIs. */
  readonly api: CountingFetch | undefined
  /** What the roles declare for it and was selected. */
  compiled: readonly Entry[]
  /** That, without the cluster resources that another host owns. */
  entries: readonly Entry[]
  haves: Haves
  unchanged: number
  /** Identities that the approved plan changes. */
  approved: ReadonlySet<string>
  /** Whether something was applied on it by this run. */
  touched: boolean
  /** Whether another run applied something since it was observed. */
  stale: boolean
  /** The run that had last applied something when it was observed. */
  applied: string
  changed: number
  /** Why it left the run. */
  failures: CaravanError[]
  readonly seconds: { connect: number; probe: number; apply: number; wait: number }
}

export const newMember = (host: Host, fleet: Fleet): Member => ({
  host,
  ...(host.name === CONTROLLER
    ? { transport: localTransport(), api: countingFetch() }
    : { transport: fleet.transport(host), api: undefined }),
  compiled: [],
  entries: [],
  haves: new Map(),
  unchanged: 0,
  approved: new Set(),
  touched: false,
  stale: false,
  applied: '',
  changed: 0,
  failures: [],
  seconds: { connect: 0, probe: 0, apply: 0, wait: 0 },
})

/** The members that are still in the run. */
export const active = (members: readonly Member[]): readonly Member[] =>
  members.filter(({ failures }) => failures.length === 0)

/** A host leaves the run; the others go on. */
export const fail = (member: Member, thrown: unknown, emit: Emit): void => {
  const error = asCaravanError(thrown).with({ host: member.host.name })
  member.failures.push(error)
  emit({ event: 'error', error: { message: error.message, ...error.details } })
}

/** Does something with each active member, at most `forks` at once; one that throws leaves the run. */
export const eachActive = async (
  members: readonly Member[],
  { forks, emit, stop }: RunInput,
  work: (member: Member) => Promise<void>,
): Promise<void> => {
  const queue = [...active(members)]
  const worker = async (): Promise<void> => {
    for (let member = queue.shift(); member !== undefined; member = queue.shift()) {
      try {
        if (stop.aborted) throw new CaravanError('stopped by you', { hint: 'run again: it goes on where it stopped' })
        await work(member)
      } catch (error) {
        fail(member, error, emit)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(forks, queue.length) }, worker))
}

/** Connects to all hosts and observes each as soon as it is; those that need a person are asked for at the end, one by one. */
export const meet = async (members: readonly Member[], input: RunInput): Promise<void> => {
  const asking: Member[] = []
  await eachActive(members, input, async (member) => {
    if (member.api !== undefined) return observeController(member, input)
    try {
      await timed(member, 'connect', input, () => input.fleet.connect(member.host))
    } catch (error) {
      if (!input.canAsk || !isAskable(error)) throw error
      asking.push(member)
      return
    }
    await observe(member, input)
  })
  await eachActive(asking, { ...input, forks: 1 }, ({ host }) => input.fleet.ask(host))
  await eachActive(asking, input, (member) => observe(member, input))
}

/** A phase of one host, told as it begins and ends, on the clock of its kind. */
const timed = async <T>(
  { host, seconds }: Member,
  phase: 'connect' | 'facts' | 'probe' | 'verify',
  { emit }: RunInput,
  work: () => Promise<T>,
  play?: string,
): Promise<T> => {
  emit({ event: 'phase', host: host.name, phase, ...(play === undefined ? {} : { play }) })
  const began = Date.now()
  const took = () => (Date.now() - began) / 1000
  try {
    const result = await work()
    emit({ event: 'phaseEnd', host: host.name, phase, seconds: took() })
    return result
  } finally {
    seconds[phase === 'connect' ? 'connect' : 'probe'] += took()
  }
}

const isAskable = (error: unknown): boolean => error instanceof Error && 'askable' in error && error.askable === true

const observeController = async (member: Member, input: RunInput): Promise<void> => {
  const host = { ...member.host, facts: controllerFacts() }
  member.compiled = compile(input.plays, input.selected, host, input.inventory)
  member.entries = member.compiled
  member.haves = await probeMember(member, member.compiled, 'probe', input)
}

/** Facts and all selected resources of a host: one round trip when the cached facts still hold, else two. */
const observe = async (member: Member, input: RunInput): Promise<void> => {
  const cached = input.cache.get(member.host)
  if (cached !== undefined) {
    const seen = await probeAs(member, cached, input)
    if (sameFacts(seen.observed.facts, cached)) return settle(member, seen, input)
    return settle(member, await probeAs(member, seen.observed.facts, input), input)
  }
  const { observed } = await timedProbe(member, [], 'facts', input)
  const seen = await probeAs(member, observed.facts, input)
  settle(member, seen, input)
}

/** Observes these resources of a host once more. `play`: before it is applied; without: for the last time. */
export const observeAgain = async (
  member: Member,
  entries: readonly Entry[],
  input: RunInput,
  play?: number,
): Promise<void> => {
  const name = play === undefined ? undefined : input.plays[play]?.role.name
  const haves = await probeMember(member, entries, play === undefined ? 'verify' : 'probe', input, name)
  member.haves = new Map([...member.haves, ...haves])
}

const probeAs = async (member: Member, facts: Facts, input: RunInput): Promise<Probe> => {
  member.compiled = compile(input.plays, input.selected, { ...member.host, facts }, input.inventory)
  member.entries = member.compiled
  return timedProbe(member, member.compiled, 'probe', input)
}

const probeMember = async (
  member: Member,
  entries: readonly Entry[],
  phase: 'probe' | 'verify',
  input: RunInput,
  play?: string,
): Promise<Haves> => {
  const { api } = member
  if (api === undefined) return (await timedProbe(member, entries, phase, input, play)).haves
  const resources = entries.map(({ resource }) => resource)
  return timed(member, phase, input, () => probeApis(resources, api), play)
}

const timedProbe = (
  member: Member,
  entries: readonly Entry[],
  phase: 'facts' | 'probe' | 'verify',
  input: RunInput,
  play?: string,
): Promise<Probe> => {
  const resources = entries.map(({ resource }) => resource)
  return timed(member, phase, input, () => probe(member.host, member.transport, resources), play)
}

const settle = (member: Member, { observed, vitals, haves }: Probe, input: RunInput): void => {
  verifyInventory(member.host, observed)
  input.cache.put(member.host, observed.facts)
  member.haves = haves
  member.applied = observed.applied
  const host = { ...member.host, facts: observed.facts }
  for (const index of input.selected) {
    const play = input.plays[index] as Play
    if (!hostsOfPlay(play, input.inventory).includes(member.host)) continue
    for (const { level, message, hint } of play.role.checks({ ...inputFor(play, host, input.inventory), vitals })) {
      if (level === 'error') throw new ProbeError(message, { role: play.role.name, hint })
      input.emit({ event: 'warning', host: member.host.name, message, hint })
    }
  }
}

// Other hosts are configured with this address, so it must be true.
const verifyInventory = (host: Host, { facts, addresses }: ObservedFacts): void => {
  if (facts.privateInterface !== undefined) return
  const found = addresses.filter(([name]) => name !== 'lo').map(([name, address]) => `${name} ${address}`)
  throw new ProbeError(`no interface has the private address ${host.privateIp} that the inventory gives this host`, {
    hint: `found: ${found.join(', ') || 'none'}; correct privateIp, or attach the machine to the private network`,
  })
}
