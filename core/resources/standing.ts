import type { ClusterRole, Standing } from '../declare/cluster.ts'
import type { Host } from '../declare/host.ts'
import type { Secrets } from '../declare/means.ts'
import { declare, type Resource, type ResourceType } from '../declare/resource.ts'
import { quote } from '../remote/shell.ts'
import { revealed, type Secret } from '../secrets/secret.ts'

/** What a server says of a cluster, and whether it carries the mark of an established one. */
export type Have = Readonly<{ marked: boolean; standing: Standing }>

type Want = Readonly<{ cluster: ClusterRole; host: Host; question: string | Secret }>

const MARKS = '/var/lib/caravan'
const markOf = (name: string): string => `${MARKS}/established-${name}`

/** Prints the mark and the standing of one server. */
const look = ({ cluster, question }: Want): string =>
  `if [ -e ${quote(markOf(cluster.name))} ]; then echo marked; else echo unmarked; fi\n(\n${revealed(question)}\n) 2>/dev/null || :\necho`

const understand = ({ cluster, host }: Want, output: string): Have => {
  const [mark, ...lines] = output.split('\n')
  return { marked: mark === 'marked', standing: cluster.parse(lines.join('\n'), host) }
}

const END = '=caravan-standing'

/**
 * How a host stands in the cluster of its play. It rides in the probe and never differs by itself: whether the cluster
 * is whole is the gate's question, over all its servers.
 */
export const standingType: ResourceType<Want, Have> = {
  name: 'standing',
  probe: (all) => all.map(({ want }) => `${look(want)}\necho ${END}`).join('\n'),
  parse: (output, all) => {
    const parts = output.split(`${END}\n`)
    return new Map(all.map(({ id, want }, index) => [id, understand(want, parts[index] ?? '')]))
  },
  diff: () => [],
  apply: () => ':',
}

export const standing = (cluster: ClusterRole, host: Host, secrets: Secrets): Resource<Want> =>
  declare(standingType, cluster.name, { cluster, host, question: cluster.observe(host, secrets) })

/** Under which identity the standing of a host in this cluster was observed. */
export const standingIdentity = ({ name }: Pick<ClusterRole, 'name'>): string => `${standingType.name}:${name}`

/** A read-only fragment that succeeds where the server carries the mark of any established cluster. */
export const HAS_MARK = `ls ${quote(MARKS)} | grep -q ^established-`

/** A command that marks the server as one of an established cluster. */
export const writeMark = (name: string): string => `mkdir -p /var/lib/caravan && : >${quote(markOf(name))}`
