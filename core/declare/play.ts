import type { ClusterRole } from './cluster.ts'
import { CONTROLLER, controllerHost, type Host } from './host.ts'
import type { Inventory } from './inventory.ts'
import type { Role } from './role.ts'

/** A role on a set of hosts. All hosts finish a play before the next one begins. */
export type Play = Readonly<{
  role: Role
  /** A group or host of the inventory, or `controller`; `all` by default. */
  on: string
  /** A group or host that is left out of `on`; a play that is left without hosts by it has nothing to do. */
  except: string | undefined
  /** One host after the other; a clustered play is serial by itself once its cluster is established. */
  serial: boolean
  /** The cluster that the hosts of the play form; it has a gate, and its servers are never taken away carelessly. */
  cluster: ClusterRole | undefined
  /** Roles whose failed gate keeps this play from beginning. */
  needs: readonly string[]
}>

/** What may be said of a play. */
export type PlayOptions = Partial<Pick<Play, 'on' | 'except' | 'serial' | 'cluster' | 'needs'>>

/** Declares a play: `play(docker)`, `play(consul, { on: 'servers', cluster: consulCluster })`. */
export const play = (role: Role, options: PlayOptions = {}): Play =>
  Object.freeze({ on: 'all', except: undefined, serial: false, cluster: undefined, needs: [], ...options, role })

/** The hosts that a play is for, in inventory order. */
export const hostsOfPlay = ({ on, except }: Play, inventory: Inventory): readonly Host[] => {
  const left = except === undefined ? [] : hostsNamed(except, inventory)
  return hostsNamed(on, inventory).filter((host) => !left.includes(host))
}

/** The hosts that a name stands for in a play: those of a group, one host, all, or this computer. */
export const hostsNamed = (on: string, { hosts }: Pick<Inventory, 'hosts'>): readonly Host[] =>
  on === CONTROLLER
    ? [controllerHost]
    : hosts.filter(({ name, groups }) => on === 'all' || name === on || groups.includes(on))
