import type { Secret } from '../secrets/secret.ts'
import type { Host } from './host.ts'
import type { Secrets } from './means.ts'

/** What one server says of its part in a cluster. A server that does not answer is neither of the three. */
export type Standing = Readonly<{
  /** It runs, and takes part. */
  healthy: boolean
  leader: boolean
  voter: boolean
}>

/** A cluster that a role forms of the hosts of its play: how its servers stand, and how leadership is handed over. */
export type ClusterRole = Readonly<{
  /** Names the mark of an established cluster, such as `consul`. */
  name: string
  /**
   * A read-only fragment of `sh` that prints how the server stands; slow programs run under `timeout`. It may use the
   * secrets of the play's role, and is a secret then, so that nothing of it is told.
   */
  observe: (host: Host, secrets: Secrets) => string | Secret
  /** Understands what it printed; whatever makes no sense is a server that does not answer. */
  parse: (output: string, host: Host) => Standing
  /** A fragment that makes the leader hand over, run on the leader before it is taken away. */
  handOver?: (host: Host, secrets: Secrets) => string | Secret
  /** Seconds that a gate waits until it gives up. */
  within: number
}>

/** How the servers of a cluster stand, by host name; undefined: unreachable, or not asked. */
export type Standings = ReadonlyMap<string, Standing | undefined>

/** Whether a server takes part in its cluster with a vote. */
export const isUp = (standing: Standing | undefined): boolean => standing?.healthy === true && standing.voter

/** Whether enough servers take part to elect a leader. */
export const hasQuorum = (standings: Standings): boolean =>
  [...standings.values()].filter(isUp).length >= quorumOf(standings.size)

const quorumOf = (servers: number): number => Math.floor(servers / 2) + 1

/**
 * Whether a server may be taken away: true, or why not. It may not when that would turn a cluster that has quorum into
 * one that has not. A server that is out already, or a cluster without quorum, may always be mended; with fewer than
 * three servers there is no choice.
 */
export const mayTake = (host: string, standings: Standings): true | string => {
  const up = [...standings.values()].filter(isUp).length
  const quorum = quorumOf(standings.size)
  if (standings.size < 3 || up < quorum || !isUp(standings.get(host)) || up - 1 >= quorum) return true
  const down = [...standings].flatMap(([name, standing]) => (isUp(standing) ? [] : [name]))
  return `${host} cannot be taken away: ${down.join(', ')} not in the cluster, and ${up - 1} of ${standings.size} servers are no quorum`
}

/**
 * Whether a play has left its cluster whole: true, or what is missing. `took` are the servers that took part. One that
 * left the run does not close the gate while there is quorum.
 */
export const gate = (took: readonly string[], standings: Standings): true | string => {
  const out = took.filter((name) => !isUp(standings.get(name)))
  if (![...standings.values()].some((standing) => standing?.leader)) return 'the cluster has no leader'
  return out.length === 0 ? true : `${out.join(', ')} ${out.length === 1 ? 'is' : 'are'} no voter of the cluster`
}

/** The order in which servers are taken: those that are out first, then followers, the leader last. */
export const takingOrder = (hosts: readonly string[], standings: Standings): readonly string[] => {
  const rank = (name: string): number => (!isUp(standings.get(name)) ? 0 : standings.get(name)?.leader ? 2 : 1)
  return [...hosts].sort((one, other) => rank(one) - rank(other))
}
