import { isIP } from 'node:net'
import type { Host } from './host.ts'

/** Whether the host keeps the state of Consul and Nomad: whether it is in the group `servers`. */
export const isServer = ({ groups }: Pick<Host, 'groups'>): boolean => groups.includes('servers')

/** The servers among hosts, in the inventory's order. */
export const serversOf = (hosts: readonly Host[]): readonly Host[] => hosts.filter(isServer)

/**
 * The names by which a browser reaches the host from outside: its address, or none where that is only an alias of
 * somebody's ssh configuration.
 */
export const publicNamesOf = ({ address }: Pick<Host, 'address'>): readonly string[] =>
  isIP(address) !== 0 || /^([a-z0-9-]{1,63}\.)+[a-z0-9-]{1,63}$/i.test(address) ? [address] : []
