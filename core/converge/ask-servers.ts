import type { ClusterRole, Standings } from '../declare/cluster.ts'
import type { Host } from '../declare/host.ts'
import { noMeans } from '../declare/means.ts'
import { hostsOfPlay, type Play } from '../declare/play.ts'
import { Unknown } from '../declare/resource.ts'
import { ConnectError, WaitError } from '../errors.ts'
import { type Have, standing, standingIdentity } from '../resources/standing.ts'
import type { Member, RunInput } from './crew.ts'
import { probe } from './probe.ts'

/** What each server of a cluster says; undefined: it cannot be asked. */
type Servers = ReadonlyMap<string, Have | undefined>

/**
 * Asks all servers once a second until the answer is true; not at all where it would stay as it is even if every server
 * that can be asked did well. @throws WaitError with the last answer, and the hint.
 */
export const waitUntil = async (
  play: Play,
  cluster: ClusterRole,
  members: readonly Member[],
  question: (standings: Standings) => true | string,
  input: RunInput,
  hint?: string,
): Promise<Standings> => {
  const deadline = Date.now() + cluster.within * 1000
  for (;;) {
    const standings = standingsOf(await lookAround(play, cluster, members, input))
    const answer = question(standings)
    if (answer === true) return standings
    const details = { role: play.role.name, hint }
    if (question(atBest(standings, unreachable(members))) !== true) throw new WaitError(answer, details)
    if (Date.now() >= deadline) throw new WaitError(`${answer} (waited ${cluster.within} s)`, details)
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

/** As they would be if every server that can be reached took part. */
const atBest = (standings: Standings, gone: ReadonlySet<string>): Standings =>
  new Map([...standings.keys()].map((name) => [name, gone.has(name) ? undefined : BEST]))

const BEST = { healthy: true, leader: true, voter: true } as const

/** Hosts that this run could not reach: they are not asked again. */
const unreachable = (members: readonly Member[]): ReadonlySet<string> =>
  new Set(members.filter(({ failures }) => failures.some(isUnreachable)).map(({ host }) => host.name))

export const standingsOf = (servers: Servers): Standings =>
  new Map([...servers].map(([name, have]) => [name, have?.standing]))

/** Asks every server of the inventory, whatever `--limit` says; one that cannot be asked is undefined. */
export const lookAround = async (
  play: Play,
  cluster: ClusterRole,
  members: readonly Member[],
  input: RunInput,
): Promise<Servers> => {
  const gone = unreachable(members)
  const ask = async (host: Host): Promise<readonly [string, Have | undefined]> => {
    try {
      return [host.name, await askOne(host, play, cluster, input)]
    } catch {
      return [host.name, undefined]
    }
  }
  const servers = hostsOfPlay(play, input.inventory)
  const asked = await Promise.all(servers.filter(({ name }) => !gone.has(name)).map(ask))
  for (const [name, have] of asked) remember(members, name, cluster, have)
  return new Map([...servers.map(({ name }) => [name, undefined] as const), ...asked])
}

// What a run tells of the cluster at its end is what was seen last, also of servers that it left alone.
const remember = (members: readonly Member[], name: string, cluster: ClusterRole, have: Have | undefined): void => {
  const member = members.find(({ host }) => host.name === name)
  if (member !== undefined) member.haves = new Map([...member.haves, [standingIdentity(cluster), have]])
}

const isUnreachable = (error: unknown): boolean => error instanceof ConnectError

const askOne = async (
  host: Host,
  { role }: Play,
  cluster: ClusterRole,
  { fleet, means = noMeans }: RunInput,
): Promise<Have | undefined> => {
  const resource = standing(cluster, host, means.secrets(role, true))
  const { haves } = await probe(host, fleet.transport(host), [resource])
  const have = haves.get(standingIdentity(cluster))
  return have === undefined || Unknown.is(have) ? undefined : (have as Have)
}
