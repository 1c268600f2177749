import type { Host } from './host.ts'
import type { Inventory } from './inventory.ts'
import type { Role } from './role.ts'

/** A role on a set of hosts. All hosts finish a play before the next one begins. */
export type Play = Readonly<{
  role: Role
  /** A group or host of the inventory; `all` by default. */
  on: string
}>

/** Declares a play: `play(docker)`, `play(consul, { on: 'servers' })`. */
export const play = (role: Role, { on = 'all' }: { on?: string } = {}): Play => Object.freeze({ role, on })

/** The hosts that a play is for, in inventory order. */
export const hostsOfPlay = ({ on }: Play, inventory: Inventory): readonly Host[] =>
  on === 'all' ? inventory.hosts : inventory.hosts.filter(({ name, groups }) => name === on || groups.includes(on))
