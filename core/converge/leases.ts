import { hostname, userInfo } from 'node:os'
import type { Host } from '../declare/host.ts'
import { asCaravanError } from '../errors.ts'
import { type Claim, dropLease, LEASE_SECONDS, LeaseError, type Taken, takeLease } from '../remote/lease.ts'
import { processName } from '../remote/own-process.ts'
import { active, fail, type Member, type RunInput } from './crew.ts'

/** The leases of one run. */
export type Leases = Readonly<{ release: () => Promise<void> }>

/**
 * Takes the lease of every host of the inventory that can be reached, in inventory order, so that of two runs one gets
 * all; and renews them until they are released. A host on which another run applied something since it was observed is
 * marked as touched: it is observed again before anything is applied.
 * @throws LeaseError when another run holds one and did not let go within `lockWait` seconds; what was taken is given back.
 */
export const takeLeases = async (members: readonly Member[], input: RunInput): Promise<Leases> => {
  const holder = `${userInfo().username}@${hostname()}`.replaceAll(/\s/g, '')
  const claim = { run: input.id, holder, process: processName() }
  const reachable = await reachableHosts(members, input)
  const taken: Host[] = []
  const deadline = Date.now() + input.lockWait * 1000
  try {
    for (const host of reachable) {
      const member = members.find((candidate) => candidate.host === host)
      try {
        const { applied, over } = await takeUntil(host, claim, deadline, input)
        taken.push(host)
        if (over !== undefined)
          input.emit({
            event: 'warning',
            host: host.name,
            message: `took over the lease of ${over}, whose run has ended`,
          })
        if (member !== undefined && applied !== member.applied) member.stale = true
      } catch (error) {
        // whoever holds a host stops this run; a host that is gone only leaves it
        if (error instanceof LeaseError) throw error
        if (member !== undefined) fail(member, error, input.emit)
      }
    }
  } catch (error) {
    await giveBack(taken, claim, input)
    throw error
  }
  const timer = setInterval(() => void renew(taken, claim, members, input), (LEASE_SECONDS / 3) * 1000)
  timer.unref()
  return {
    release: async () => {
      clearInterval(timer)
      await giveBack(taken, claim, input)
    },
  }
}

/** The selected hosts that are in the run, and all others of the inventory that let us in without asking. */
const reachableHosts = async (members: readonly Member[], { inventory, fleet }: RunInput): Promise<readonly Host[]> => {
  const inRun = new Set(active(members).map(({ host }) => host))
  const left = new Set(members.map(({ host }) => host))
  const reached = await Promise.all(
    inventory.hosts.map(
      async (host) =>
        inRun.has(host) ||
        (!left.has(host) &&
          (await fleet.connect(host).then(
            () => true,
            () => false,
          ))),
    ),
  )
  return inventory.hosts.filter((_, index) => reached[index])
}

const takeUntil = async (host: Host, claim: Claim, deadline: number, { fleet, emit }: RunInput): Promise<Taken> => {
  let told = false
  for (;;) {
    try {
      return await takeLease(host.name, fleet.transport(host), claim)
    } catch (error) {
      if (!(error instanceof LeaseError) || Date.now() >= deadline) throw error
      if (!told) emit({ event: 'warning', host: host.name, message: `waiting: ${error.message}` })
      told = true
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
}

// A lease that cannot be renewed is noticed by the next apply script, which then changes nothing.
const renew = async (
  hosts: readonly Host[],
  claim: Claim,
  members: readonly Member[],
  { fleet, emit }: RunInput,
): Promise<void> => {
  await Promise.all(
    hosts.map(async (host) => {
      const member = members.find((candidate) => candidate.host === host)
      if (member !== undefined && member.failures.length > 0) return
      await takeLease(host.name, fleet.transport(host), claim).catch((error) =>
        emit({
          event: 'warning',
          host: host.name,
          message: `its lease was not renewed: ${asCaravanError(error).message}`,
        }),
      )
    }),
  )
}

const giveBack = async (hosts: readonly Host[], claim: Claim, { fleet }: RunInput): Promise<void> => {
  // a host that is gone keeps its lease until it expires
  await Promise.all(hosts.map((host) => dropLease(fleet.transport(host), claim).catch(() => {})))
}
