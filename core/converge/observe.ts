import type { Facts, Host } from '../declare/host.ts'
import { noMeans } from '../declare/means.ts'
import { hostsOfPlay, type Play } from '../declare/play.ts'
import { ProbeError } from '../errors.ts'
import { compile, type Entry, inputFor } from './compile.ts'
import { controllerFacts, probeApis } from './controller.ts'
import { eachActive, type Member, type RunInput } from './crew.ts'
import type { ObservedFacts } from './facts.ts'
import { sameFacts } from './facts-cache.ts'
import { type Haves, type Probe, probe } from './probe.ts'

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
  member.compiled = compile(input.plays, input.selected, host, input.inventory, input.means)
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
  member.compiled = compile(input.plays, input.selected, { ...member.host, facts }, input.inventory, input.means)
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
    for (const { level, message, hint } of play.role.checks({
      ...inputFor(play, host, input.inventory, true, input.means ?? noMeans),
      vitals,
    })) {
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
    hint: `found: ${found.slice(0, 8).join(', ') || 'none'}; correct privateIp, or attach the machine to the private network`,
  })
}
