import { isDeepStrictEqual } from 'node:util'
import type { HostWithFacts } from '../declare/host.ts'
import type { Inventory } from '../declare/inventory.ts'
import { type Means, noMeans } from '../declare/means.ts'
import { hostsOfPlay, type Play } from '../declare/play.ts'
import { describe, identityOf, type Resource } from '../declare/resource.ts'
import type { RoleInput } from '../declare/role.ts'
import { ConflictError } from '../errors.ts'
import { standing } from '../resources/standing.ts'

/** One resource of one host, with the play that it belongs to. */
export type Entry = Readonly<{ play: number; role: string; identity: string; resource: Resource }>

/** What a role is asked with for one host. */
export const inputFor = (
  { role }: Play,
  host: HostWithFacts,
  inventory: Inventory,
  used: boolean,
  means: Means,
): RoleInput<unknown> => {
  const vars = role.vars.parse(host.vars[role.name] ?? {})
  return {
    host,
    hosts: inventory.hosts,
    cluster: inventory.cluster,
    vars,
    secrets: means.secrets(role, used),
    releases: means.releases(host.facts.arch, role.products(vars), used),
  }
}

/**
 * The resources of one host, in the order of the plays: one per identity, wants merged. Conflicts are looked for over
 * all plays, before the selection counts; a merged resource belongs to the first selected play that names it.
 * @throws ConflictError that names both lines of each contradiction.
 */
export const compile = (
  plays: readonly Play[],
  selected: ReadonlySet<number>,
  host: HostWithFacts,
  inventory: Inventory,
  means: Means = noMeans,
): readonly Entry[] => {
  const merged = new Map<string, Entry>()
  const parts = new Map<string, Entry>()
  const chosen = new Map<string, number>()
  const conflicts: ConflictError[] = []
  for (const [index, play] of plays.entries()) {
    if (!hostsOfPlay(play, inventory).some(({ name }) => name === host.name)) continue
    const input = inputFor(play, host, inventory, selected.has(index), means)
    for (const resource of resourcesOf(play, input)) {
      const entry = { play: index, role: play.role.name, identity: identityOf(resource), resource }
      const known = merged.get(entry.identity)
      const union = known === undefined ? resource : mergeResources(known.resource, resource)
      const whole = resource.type.partOf?.(resource.id)
      const rival = union === undefined ? known : (parts.get(entry.identity) ?? (whole && merged.get(whole)))
      if (rival) conflicts.push(conflict(host.name, rival, entry))
      else merged.set(entry.identity, { ...(known ?? entry), resource: union as Resource })
      if (whole !== undefined && !parts.has(whole)) parts.set(whole, entry)
      if (selected.has(index) && !chosen.has(entry.identity)) chosen.set(entry.identity, index)
    }
  }
  if (conflicts.length > 0) throw joined(conflicts)
  return [...chosen].map(([identity, play]) => {
    const { resource } = merged.get(identity) as Entry
    return { play, role: plays[play]?.role.name ?? '', identity, resource }
  })
}

// how the host stands in its cluster rides in the probe
const resourcesOf = ({ role, cluster }: Play, input: RoleInput<unknown>): readonly Resource[] => {
  const own = role.resources(input)
  return cluster === undefined ? own : [...own, standing(cluster, input.host, input.secrets)]
}

const mergeResources = (one: Resource, other: Resource): Resource | undefined => {
  if (one.type !== other.type || one.id !== other.id) return undefined
  if (sameWant(one.want, other.want)) return one
  const want = one.type.merge?.(one.want, other.want)
  return want === undefined ? undefined : Object.freeze({ ...one, want })
}

// Resources inside of wants (restartOn) are compared by what they are, not by the line that names them.
const sameWant = (one: unknown, other: unknown): boolean => isDeepStrictEqual(withoutPlaces(one), withoutPlaces(other))

const withoutPlaces = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutPlaces)
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value
  if ('type' in value && 'id' in value && 'at' in value) return identityOf(value as Resource)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutPlaces(inner)]))
}

const conflict = (host: string, first: Entry, second: Entry): ConflictError =>
  new ConflictError(
    `${describe(first.resource)} (role ${first.role}, ${first.resource.at}) and ${describe(second.resource)} ` +
      `(role ${second.role}, ${second.resource.at}) contradict each other`,
    {
      host,
      resource: describe(second.resource),
      hint: 'one role must own it; to remove something and then install it, use two playbooks',
    },
  )

const joined = (conflicts: readonly ConflictError[]): ConflictError => {
  const [first] = conflicts
  if (first !== undefined && conflicts.length === 1) return first
  return new ConflictError(`${conflicts.length} conflicts`, {
    detail: conflicts.map(({ message }) => message).join('\n'),
  })
}
