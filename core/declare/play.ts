import type { ClusterRole } from './cluster.ts'
import { CONTROLLER, controllerHost, type Host } from './host.ts'
import type { Inventory } from './inventory.ts'
import type { Role } from './role.ts'

/** A role on a set of hosts. All hosts finish a play before the next one begins. */
export type Play = Readonly<{
  role: Role
  /** A group or host of the inventory, or `controller`; `all` by default. */
  on: string
  /** One host after the other; a clustered play is serial by itself once its cluster is established. */
  serial: boolean
  /** The cluster that the hosts of the play form; it has a gate, and its servers are never taken away carelessly. */
  cluster: ClusterRole | undefined
  /** Roles whose failed gate keeps this play from beginning. */
  needs: readonly string[]
}>

/** What may be said of a play. */
export type PlayOptions = Partial<Pick<Play, 'on' | 'serial' | 'cluster' | 'needs'>>

/** Declares a play: `play(docker)`, `play(consul, { on: 'servers', cluster: consulCluster })`. */
export const play = (role: Role, options: PlayOptions = {}): Play =>
  Object.freeze({ on: 'all', serial: false, cluster: undefined, needs: [], ...options, role })

/** The hosts that a play is for, in inventory order. */
export const hostsOfPlay = ({ on }: Play, inventory: Inventory): readonly Host[] =>
  on === CONTROLLER
    ? [controllerHost]
    : inventory.hosts.filter(({ name, groups }) => on === 'all' || name === on || groups.includes(on))
