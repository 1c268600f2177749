import { CONTROLLER, type Host } from '../declare/host.ts'
import type { Inventory } from '../declare/inventory.ts'
import type { Means } from '../declare/means.ts'
import type { Play } from '../declare/play.ts'
import { asCaravanError, CaravanError } from '../errors.ts'
import { localTransport } from '../remote/local.ts'
import type { Fleet } from '../remote/ssh.ts'
import type { Transport } from '../remote/transport.ts'
import type { Emit } from '../terminal/events.ts'
import type { Entry } from './compile.ts'
import { type CountingFetch, countingFetch } from './controller.ts'
import type { FactsCache } from './facts-cache.ts'
import type { Haves } from './probe.ts'

/** What a run works with. */
export type RunInput = Readonly<{
  /** The name of the run: what its lease, logs and record are called. */
  id: string
  playbook: string
  inventory: Inventory
  /** What roles are given besides it; by default nothing. */
  means?: Means
  /** Called once, after the yes and before anything is changed on any host. */
  beforeApply?: () => Promise<void>
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
