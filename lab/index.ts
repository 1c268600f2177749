/** The lab: three (or up to ten) machines on this computer, as near to Hetzner's as a Linux host can make. */
import { existsSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { didYouMean } from '../core/nearest.ts'
import { DEFAULT_NODES, labDir, labNodes, labPath, MAX_NODES, type Node } from './config.ts'
import { LabError } from './errors.ts'
import type { Drops } from './firewall.ts'
import { inventoryPath, writeInventory } from './inventory.ts'
import { clientKey } from './keys.ts'
import { locked } from './lock.ts'
import { answers, isOn, pullPlug, reboot, scrap, turnOff, turnOn, waitUntilReady } from './machine.ts'
import { ensureMirror } from './mirror/index.ts'
import { daemonPid, stopDaemon } from './processes.ts'
import { routerDown, routerDrops, routerExists, routerOwner } from './router.ts'
import { writeKnownHosts } from './ssh.ts'
import { prepare } from './surroundings.ts'

export { labDir } from './config.ts'

const everyNode = labNodes(MAX_NODES)
const DAEMONS = ['apt-proxy', 'mirror', 'registry', 'dnsmasq'] as const

export type LabNode = Pick<Node, 'name' | 'address' | 'privateIp'>
export type Lab = { readonly dir: string; readonly inventory: string; readonly nodes: readonly LabNode[] }
export type LabOptions = {
  /** How many machines, 1 to 10; default: as many as there are, or 3. */
  readonly nodes?: number
  /** Takes a line for a person about each step that takes time. */
  readonly log: (line: string) => void
}

/** Boots the lab, or does nothing when it is up and answers. A machine that was stopped is started. */
export async function labUp({ nodes, log }: LabOptions): Promise<Lab> {
  const wanted = labNodes(count(nodes))
  if (await isHealthy(wanted)) return describe(wanted)
  await ensureMirror(log)
  return locked(() => bringUp(wanted, [], log))
}

/** Gives new disks to the machines named, or to all: brand-new ones, with the keys they had. */
export async function labReset({
  names,
  nodes,
  log,
}: LabOptions & { readonly names?: readonly string[] }): Promise<Lab> {
  const wanted = labNodes(count(nodes))
  const scrapped = names?.map(nodeNamed) ?? everyNode
  await ensureMirror(log)
  // what the mirror was built from may have changed since
  await rm(labPath('versions.lock'), { force: true })
  return locked(() => bringUp(wanted, scrapped, log))
}

/**
 * Ends the lab and throws the machines' disks away. Keys, inventory and what others keep beside them stay.
 * @throws LabError when the lab that runs is another checkout's.
 */
export async function labDown(): Promise<void> {
  const owner = routerOwner()
  if (owner && owner !== labDir())
    throw new LabError(`lab: the one that is up belongs to ${owner}`, { hint: 'end it there' })
  await locked(async () => {
    await Promise.all(everyNode.map(scrap))
    await Promise.all(DAEMONS.map((name) => stopDaemon(name)))
    await routerDown()
  })
}

/** Shuts a machine down in order. Its disk stays. */
export function labStop(name: string): Promise<void> {
  return locked(() => turnOff(nodeNamed(name)))
}

/** Pulls a machine's plug: no shutdown, no goodbye to the cluster. Its disk stays. */
export function labKill(name: string): Promise<void> {
  return locked(() => pullPlug(nodeNamed(name)))
}

/** Turns a machine on again and waits until it has booted. */
export function labStart(name: string): Promise<void> {
  const node = nodeNamed(name)
  return locked(async () => {
    await turnOn(node, await prepare(() => {}))
    await waitUntilReady(node)
  })
}

/** Reboots machines, all at once, and waits until they are back. */
export function labReboot(...names: readonly string[]): Promise<void> {
  return locked(async () => {
    await Promise.all(names.map(nodeNamed).map(reboot))
  })
}

/** How a machine is: `silent` is one that boots, or whose sshd does not answer. */
export type NodeStatus = LabNode & { readonly state: 'up' | 'silent' | 'off' }

/** The machines there are; none when the lab is down. */
export function labStatus(): Promise<readonly NodeStatus[]> {
  return Promise.all(
    existing().map(async (node) => {
      const state = !isOn(node) ? 'off' : (await answers(node, 1000)) ? 'up' : 'silent'
      return { ...shown(node), state } as const
    }),
  )
}

/** Packets that the router did not let through since the lab came up: none of them `unicast`, if all is well. */
export async function labDrops(): Promise<Drops> {
  if (!routerExists()) throw isDown()
  return routerDrops()
}

/**
 * The machine of that name.
 * @throws LabError naming the nearest one.
 */
export function nodeNamed(name: string): Node {
  const nodes = existing()
  const node = nodes.find((node) => node.name === name)
  if (node) return node
  const names = nodes.map(({ name }) => name)
  throw names.length > 0 ? new LabError(`lab: no machine "${name}"${didYouMean(name, names)}`) : isDown()
}

function isDown(): LabError {
  return new LabError('lab: it is down', { hint: 'npx zx playbooks/lab.mjs up' })
}

/** Boots the `wanted` machines, after it threw away those beyond them and those that are to be made again. */
async function bringUp(wanted: readonly Node[], scrapped: readonly Node[], log: LabOptions['log']): Promise<Lab> {
  const rootfs = await prepare(log)
  await clientKey() // before the disks, which all want it at once
  await writeKnownHosts(wanted)
  await Promise.all([...new Set([...scrapped, ...everyNode.slice(wanted.length)])].map(scrap))
  const off = wanted.filter((node) => !isOn(node))
  if (off.length > 0) log(`booting ${off.map(({ name }) => name).join(', ')}`)
  await Promise.all(off.map((node) => turnOn(node, rootfs)))
  await Promise.all(wanted.map(waitUntilReady))
  await writeInventory(wanted)
  return describe(wanted)
}

/** Without a single fork, as every test and every run with --lab asks. */
async function isHealthy(nodes: readonly Node[]): Promise<boolean> {
  if (routerOwner() !== labDir() || !DAEMONS.every(daemonPid)) return false
  if (existing().length !== nodes.length || !existsSync(inventoryPath())) return false
  return nodes.every(isOn) && (await Promise.all(nodes.map((node) => answers(node, 1000)))).every(Boolean)
}

function count(nodes: number | undefined): number {
  const wanted = nodes ?? (existing().length || DEFAULT_NODES)
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= MAX_NODES) return wanted
  throw new LabError(`lab: --nodes must be a whole number from 1 to ${MAX_NODES}`)
}

function existing(): readonly Node[] {
  const names = existsSync(labPath('machines')) ? readdirSync(labPath('machines')) : []
  return everyNode.filter(({ name }) => names.includes(name))
}

function describe(nodes: readonly Node[]): Lab {
  return { dir: labDir(), inventory: inventoryPath(), nodes: nodes.map(shown) }
}

function shown({ name, address, privateIp }: Node): LabNode {
  return { name, address, privateIp }
}
