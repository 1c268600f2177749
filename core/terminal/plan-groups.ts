import type { ForeignEvent, PlannedEvent, RunEvent } from './events.ts'

export type PlanEvent = Extract<RunEvent, { event: 'plan' }>
type Told = Pick<PlanEvent, 'hosts' | 'foreign'>

/** What is shown of one resource on one host: what is to be done, or what others did. */
export type ShownEvent = ForeignEvent & Readonly<{ kind: PlannedEvent['kind'] | 'foreign' }>

/** All that a plan shows, by host. */
export const shownOf = ({ hosts, foreign = {} }: Told): Readonly<Record<string, readonly ShownEvent[]>> =>
  Object.fromEntries(
    Object.keys({ ...hosts, ...foreign }).map((host) => [
      host,
      [...(hosts[host] ?? []), ...(foreign[host] ?? []).map((one) => ({ ...one, kind: 'foreign' as const }))],
    ]),
  )

/** What a set of hosts has in common: the same things to do, per role, in the order of the plan. */
export type PlanGroup = Readonly<{
  hosts: readonly string[]
  roles: readonly Readonly<{ role: string; planned: readonly ShownEvent[] }>[]
}>

/**
 * The plan with equal changes of several hosts joined: what most hosts share comes first.
 * Contents that differ keep hosts apart only when diffs are shown; else they would look the same twice.
 */
export const groupPlan = (
  plan: Readonly<Record<string, readonly ShownEvent[]>>,
  diff: boolean,
): readonly PlanGroup[] => {
  const shared = new Map<string, { planned: ShownEvent; hosts: string[] }>()
  for (const [host, all] of Object.entries(plan)) {
    for (const planned of all) {
      const key = keyOf(planned, diff)
      const entry = shared.get(key)
      if (entry === undefined) shared.set(key, { planned, hosts: [host] })
      else if (!entry.hosts.includes(host)) entry.hosts.push(host)
    }
  }
  const groups = Map.groupBy(shared.values(), ({ hosts }) => JSON.stringify(hosts))
  return [...groups.values()]
    .map((entries) => ({ hosts: entries[0]?.hosts ?? [], roles: byRole(entries.map(({ planned }) => planned)) }))
    .sort((a, b) => b.hosts.length - a.hosts.length)
}

/** How much there is to do; a change is one resource on one host. */
export const countPlan = (plan: Told) => {
  const shown = Object.values(shownOf(plan)).flat()
  const all = shown.filter(({ kind }) => kind !== 'foreign')
  const changes = all.filter(({ kind }) => kind !== 'wait').length
  return {
    /** Resources that are changed or waited for. */
    all: all.length,
    /** Resources that others changed. */
    foreign: shown.length - all.length,
    changes,
    provisional: all.filter(({ kind }) => kind === 'provisional').length,
    waits: all.length - changes,
    /** Hosts with at least one change. */
    changing: Object.values(plan.hosts).filter((planned) => planned.some(({ kind }) => kind !== 'wait')).length,
    /** Resources whose contents can be shown as a diff. */
    diffs: shown.filter(({ changes }) => changes.some(({ diff }) => diff !== undefined)).length,
  }
}

const keyOf = ({ play, role, resource, kind, changes }: ShownEvent, diff: boolean): string =>
  JSON.stringify([play, role, resource, kind, diff ? changes : changes.map(({ diff: _, ...change }) => change)])

const byRole = (planned: readonly ShownEvent[]): PlanGroup['roles'] =>
  [...Map.groupBy(planned, ({ role }) => role)].map(([role, planned]) => ({ role, planned }))
