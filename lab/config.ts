/** What the lab is made of: the one place for its addresses, names and directories. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { LabError } from './errors.ts'

/** As many machines as one router namespace is told about. */
export const MAX_NODES = 10
export const DEFAULT_NODES = 3

/**
 * Which lab of this computer: 1, or what CARAVAN_LAB says (2 to 9), so that tests of several checkouts can run at once.
 * @throws LabError for any other value.
 */
export function labNumber(said: string | undefined): number {
  if (said === undefined || said === '') return 1
  if (/^[1-9]$/.test(said)) return Number(said)
  throw new LabError(`lab: CARAVAN_LAB must be a number from 1 to 9, not ${JSON.stringify(said)}`)
}

const number = labNumber(process.env.CARAVAN_LAB)
/** What the lab's namespaces, control groups and machines are named by on this computer. */
export const PREFIX = number === 1 ? 'caravan' : `caravan-${number}`
const publicPrefix = `198.18.${32 + number}`
const privatePrefix = '10.33'

/** The public side. 198.18.0.0/15 is set aside for tests (RFC 2544), so it should be nobody's real network. */
export const PUBLIC = {
  network: `${publicPrefix}.0/24`,
  /** This computer, as the machines see it: the SSH client and the apt proxy. */
  controller: `${publicPrefix}.1`,
  /** The router namespace: upstream DNS, where Hetzner has 185.12.64.1. */
  dns: `${publicPrefix}.2`,
  /** Source: Hetzner hands every Cloud server this gateway, outside of its own /32. */
  gateway: '172.31.1.1',
} as const

/** The private side, as a Hetzner Cloud network: /32 addresses, everything goes through the gateway, MTU 1450. */
export const PRIVATE = { network: `${privatePrefix}.0.0/16`, gateway: `${privatePrefix}.0.1`, mtu: 1450 } as const

export const PROXY_PORT = 3142
/** On the controller's address, beside the apt proxy: release archives, and container images. */
export const MIRROR_PORT = 3143
export const REGISTRY_PORT = 5000
/** All that the machines may ask of this computer. */
export const SERVED_PORTS = [PROXY_PORT, MIRROR_PORT, REGISTRY_PORT] as const
export const ROUTER = `${PREFIX}-net`
/** The end of the cable to the router in this computer's own namespace. */
export const CONTROLLER_LINK = `caravan${number - 1}`
/** A name of the lab's upstream DNS that stands for "any public name"; it resolves to the router. */
export const PUBLIC_NAME = 'public.example.com'

/** One machine of the lab; `slot` counts from 0, names from 1. */
export type Node = {
  readonly name: string
  readonly slot: number
  readonly address: string
  readonly privateIp: string
  readonly publicMac: string
  readonly privateMac: string
}

/** The first `count` machines. Everything about a machine follows from its number. */
export function labNodes(count: number): readonly Node[] {
  return Array.from({ length: count }, (_, slot) => {
    const hex = (slot + 1).toString(16).padStart(2, '0')
    return Object.freeze({
      name: `node-${slot + 1}`,
      slot,
      address: `${publicPrefix}.${11 + slot}`,
      privateIp: `${privatePrefix}.0.${2 + slot}`,
      publicMac: `96:00:02:63:00:${hex}`,
      privateMac: `86:00:00:52:77:${hex}`,
    })
  })
}

const root = join(import.meta.dirname, '..')

/** Everything of `--lab`: inventory, keys, the machines' disks, logs, pid files. */
export function labDir(): string {
  return join(root, '.caravan', number === 1 ? 'lab' : `lab-${number}`)
}

/** A path under `labDir()`. */
export function labPath(...parts: string[]): string {
  return join(labDir(), ...parts)
}

/** Big things that outlive a lab: the root filesystem and downloaded packages. */
export function cacheDir(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'caravan')
}
