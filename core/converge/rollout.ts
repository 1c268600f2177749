import type { ClusterRole, Standings } from '../declare/cluster.ts'
import { gate, hasQuorum, mayTake, takingOrder } from '../declare/cluster.ts'
import { noMeans } from '../declare/means.ts'
import { hostsOfPlay, type Play } from '../declare/play.ts'
import { ApplyError, CaravanError } from '../errors.ts'
import { writeMark } from '../resources/standing.ts'
import { isSecret } from '../secrets/secret.ts'
import { lookAround, standingsOf, waitUntil } from './ask-servers.ts'
import { active, eachActive, fail, type Member, type RunInput } from './crew.ts'
import { closedGate, unmarked } from './gates.ts'

/** What a rollout is made of: the play, the members with something to do, and how one of them is applied. */
export type Rollout = Readonly<{
  play: Play
  members: readonly Member[]
  busy: readonly Member[]
  apply: (member: Member) => Promise<void>
  /** Whether what is applied on a member may end a program there, so that its cluster has to do without it. */
  takesAway: (member: Member) => boolean
}>

/**
 * Applies a play on its hosts: in parallel, one by one, or as its cluster allows. Failures are the members' own.
 * Whether the play's gate is open afterwards; a play without a cluster has none to close.
 */
export const rollOut = async (rollout: Rollout, input: RunInput): Promise<boolean> => {
  const { play, busy, apply } = rollout
  if (play.cluster !== undefined) return rollOutCluster(rollout, play.cluster, input)
  if (play.serial) await inTurn(busy, input, apply)
  else await eachActive(busy, input, apply)
  return true
}

const inTurn = async (busy: readonly Member[], input: RunInput, apply: Rollout['apply']): Promise<void> => {
  for (const member of busy) {
    await eachActive([member], input, apply)
    if (member.failures.length > 0) return stopAfter(member, busy, input)
  }
}

const rollOutCluster = async (rollout: Rollout, cluster: ClusterRole, input: RunInput): Promise<boolean> => {
  const { play, busy, apply } = rollout
  const servers = await lookAround(play, cluster, rollout.members, input)
  const established = [...servers.values()].some((have) => have?.marked || have?.standing.leader)
  if (!established) {
    if (!isWhole(rollout, input)) return false
    // they wait for each other, so all must start
    await eachActive(busy, { ...input, forks: busy.length }, apply)
  } else {
    await oneByOne(rollout, cluster, standingsOf(servers), input)
  }
  if (active(busy).length === 0 || !(await awaitGate(rollout, cluster, input))) return false
  await establish(cluster, active(busy), input)
  return true
}

/** Servers that passed their gate carry the mark of an established cluster from then on. */
const establish = ({ name }: ClusterRole, members: readonly Member[], input: RunInput): Promise<void> =>
  eachActive(members, input, async ({ transport }) => {
    const { code, stderr } = await transport.run(writeMark(name))
    if (code !== 0) throw new ApplyError(`the mark of ${name} could not be written: ${stderr.trim()}`)
  })

/** On a first boot all servers must be selected and in the run, or nothing starts. */
const isWhole = ({ play, members, busy }: Rollout, { inventory, emit }: RunInput): boolean => {
  const present = new Set(active(members).map(({ host }) => host.name))
  const missing = hostsOfPlay(play, inventory).flatMap(({ name }) => (present.has(name) ? [] : [name]))
  if (missing.length === 0) return true
  const error = new ApplyError(
    `the first boot of ${play.cluster?.name} needs all of its servers: ${missing.join(', ')} missing`,
    {
      role: play.role.name,
      hint: 'select them too, and mend what keeps them out of the run',
    },
  )
  for (const member of active(busy)) fail(member, error, emit)
  return false
}

const oneByOne = async (rollout: Rollout, cluster: ClusterRole, first: Standings, input: RunInput): Promise<void> => {
  const { play, members, busy, apply, takesAway } = rollout
  const inOrder = takingOrder(
    busy.map(({ host }) => host.name),
    first,
  ).flatMap((name) => busy.filter(({ host }) => host.name === name))
  await inTurn(inOrder, input, async (member) => {
    const { name } = member.host
    const taking = takesAway(member)
    const standings = taking ? await untilFree(name, rollout, cluster, input) : first
    if (taking && standings.get(name)?.leader && hasHeir(name, standings)) await handOver(play, cluster, member, input)
    await apply(member)
    // without a quorum one server alone opens no gate: the next ones bring it back, and the play's gate waits for them
    if (hasQuorum(standings)) await waitUntil(play, cluster, members, (now) => gate([name], now), input)
  })
}

const untilFree = (name: string, { play, members }: Rollout, cluster: ClusterRole, input: RunInput) =>
  waitUntil(
    play,
    cluster,
    members,
    (now) => mayTake(name, now),
    input,
    'bring back who is missing, then run again; a change that restarts nothing is made without them',
  )

const hasHeir = (leader: string, standings: Standings): boolean =>
  [...standings].some(([name, standing]) => name !== leader && standing?.healthy && standing.voter)

const handOver = async (
  { role }: Play,
  { handOver, name }: ClusterRole,
  { host, transport }: Member,
  { means = noMeans }: RunInput,
): Promise<void> => {
  const fragment = handOver?.(host, means.secrets(role, true))
  if (fragment === undefined) return
  const { code, stderr } = await transport.run(isSecret(fragment) ? fragment.reveal() : fragment)
  if (code !== 0) throw new ApplyError(`it leads ${name} and could not hand over: ${stderr.trim()} (exit ${code})`)
}

const stopAfter = (failed: Member, busy: readonly Member[], { emit }: RunInput): void => {
  const left = active(busy).filter(({ host }) => host !== failed.host)
  for (const member of left) {
    fail(
      member,
      new CaravanError(`left alone, since the play stopped at ${failed.host.name}`, { hint: 'run again' }),
      emit,
    )
  }
}

/** The gate of a cluster after its play. */
const awaitGate = async (
  { play, members, busy }: Pick<Rollout, 'play' | 'members' | 'busy'>,
  cluster: ClusterRole,
  input: RunInput,
): Promise<boolean> => {
  const took = active(busy).map(({ host }) => host.name)
  if (hostsOfPlay(play, input.inventory).length < 3)
    input.emit({
      event: 'warning',
      message: `${cluster.name} has fewer than three servers: a change of one is an outage`,
    })
  try {
    await waitUntil(play, cluster, members, (now) => gate(took, now), input)
  } catch (error) {
    for (const member of active(busy)) fail(member, error, input.emit)
    return false
  }
  return true
}

/**
 * The gate of a play in which nothing had to be applied: it is waited for if it was closed when the hosts were observed.
 * Servers that a run left before it marked them are marked now.
 */
export const waitAtGate = async (play: Play, members: readonly Member[], input: RunInput): Promise<boolean> => {
  const { cluster } = play
  if (cluster === undefined) return true
  if (closedGate(play, members, input) !== undefined) {
    const busy = active(members).filter(({ host }) => hostsOfPlay(play, input.inventory).includes(host))
    if (!(await awaitGate({ play, members, busy }, cluster, input))) return false
  }
  await establish(cluster, unmarked(play, members, input), input)
  return true
}
