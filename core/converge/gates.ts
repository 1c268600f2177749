import { gate, type Standings } from '../declare/cluster.ts'
import { hostsOfPlay, type Play } from '../declare/play.ts'
import { type Have, standingIdentity } from '../resources/standing.ts'
import { active, type Member, type RunInput } from './crew.ts'

/** The servers of an open gate that carry no mark yet. */
export const unmarked = (play: Play, members: readonly Member[], input: RunInput): readonly Member[] => {
  const { cluster } = play
  if (cluster === undefined || observedStandings(play, members, input) === undefined) return []
  if (closedGate(play, members, input) !== undefined) return []
  return active(members).filter(({ haves }) => {
    const have = haves.get(standingIdentity(cluster)) as Have | undefined
    return have?.marked === false
  })
}

/** How the servers of a play's cluster stand, by what their last probes said; undefined: not all were asked. */
export const observedStandings = (
  play: Play,
  members: readonly Member[],
  { inventory }: RunInput,
): Standings | undefined => {
  const { cluster } = play
  if (cluster === undefined) return undefined
  const servers = hostsOfPlay(play, inventory).map((host) => members.find((member) => member.host === host))
  const standings = servers.flatMap((member) => {
    const have = member?.haves.get(standingIdentity(cluster)) as Have | undefined
    return member === undefined ? [] : [[member.host.name, have?.standing] as const]
  })
  return standings.length === servers.length ? new Map(standings) : undefined
}

/** What keeps the gate of a play closed, by what the probes of its servers said; undefined: open, or not all were asked. */
export const closedGate = (play: Play, members: readonly Member[], input: RunInput): string | undefined => {
  const standings = observedStandings(play, members, input)
  if (standings === undefined) return undefined
  const answer = gate([...standings.keys()], standings)
  return answer === true ? undefined : answer
}
