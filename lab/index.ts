/** The lab: three (or up to ten) machines on this computer, as near to Hetzner's as a Linux host can make. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type AptSource, aptSources } from './apt-sources.ts'
import { cacheDir, DEFAULT_NODES, labDir, labNodes, labPath, MAX_NODES, type Node, PROXY_PORT, PUBLIC } from './config.ts'
import { LabError } from './errors.ts'
import { inventoryPath, writeInventory } from './inventory.ts'
import { clientKey } from './keys.ts'
import { answers, isOn, pullPlug, reboot, scrap, turnOff, turnOn, waitUntilReady } from './machine.ts'
import { daemonPid, startDaemon, stopDaemon } from './processes.ts'
import { ensureRequirements } from './requirements.ts'
import { buildRootfs } from './rootfs.ts'
import { type Drops, routerDown, routerDrops, routerExists, routerUp } from './router.ts'
import { locked } from './lock.ts'
import { writeKnownHosts } from './ssh.ts'

export { labDir } from './config.ts'

export type LabNode = Pick<Node, 'name' | 'address' | 'privateIp'>
export type Lab = { readonly dir: string; readonly inventory: string; readonly nodes: readonly LabNode[] }
type Log = (line: string) => void

/**
 * Boots the lab, or does nothing when it is up and answers.
 * @param options.nodes how many machines, 1 to 10; default: as many as there are, or 3
 */
export async function labUp({ nodes, log }: { nodes?: number; log: Log }): Promise<Lab> {
  const wanted = labNodes(count(nodes))
  if (await isHealthy(wanted)) return describe(wanted)
  return locked(() => bringUp(wanted, log))
}

/** Makes all machines new again: fresh disks, the same keys. */
export async function labReset({ nodes, log }: { nodes?: number; log: Log }): Promise<Lab> {
  const wanted = labNodes(count(nodes))
  return locked(async () => {
    await Promise.all(labNodes(MAX_NODES).map(scrap))
    return bringUp(wanted, log)
  })
}

/** Ends the lab and throws the machines' disks away. Keys, inventory and what others keep beside them stay. */
export async function labDown({ log }: { log: Log }): Promise<void> {
  await locked(async () => {
    await Promise.all(labNodes(MAX_NODES).map(scrap))
    await stopDaemon('apt-proxy')
    await routerDown()
  })
  log('the lab is down')
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
    await turnOn(node, await buildRootfs(await aptSources(), () => {}))
    await waitUntilReady(node)
  })
}

/** Reboots a machine and waits until it is back. */
export function labReboot(name: string): Promise<void> {
  return locked(() => reboot(nodeNamed(name)))
}

/** How a machine is: `booting` also covers one whose sshd does not answer. */
export type NodeStatus = LabNode & { readonly state: 'up' | 'booting' | 'off' }

/** The machines there are, none when the lab is down. */
export function labStatus(): Promise<readonly NodeStatus[]> {
  return Promise.all(
    existing().map(async (node) => {
      const state = !isOn(node) ? 'off' : (await answers(node)) ? 'up' : 'booting'
      return { ...shown(node), state } as const
    }),
  )
}

/** Packets that the lab did not let through, since it came up. A machine that stays in the lab causes no `unicast`. */
export function labDrops(): Promise<Drops> {
  if (!routerExists()) throw new LabError('lab: it is down: start it with: playbooks/lab.mjs up')
  return routerDrops()
}

/**
 * The machine of that name.
 * @throws LabError naming those that there are.
 */
export function nodeNamed(name: string): Node {
  const nodes = existing()
  const node = nodes.find((node) => node.name === name)
  if (node) return node
  if (nodes.length === 0) throw new LabError('lab: it is down: start it with: playbooks/lab.mjs up')
  throw new LabError(`lab: no machine ${name}; there are ${nodes.map(({ name }) => name).join(', ')}`)
}

async function bringUp(wanted: readonly Node[], log: Log): Promise<Lab> {
  await ensureRequirements(log)
  const sources = await aptSources()
  await Promise.all(labNodes(MAX_NODES).slice(wanted.length).map(scrap))
  await routerUp()
  await startProxy(sources)
  const rootfs = await buildRootfs(sources, log)
  await clientKey() // before the machines' disks, which all want it at once
  await writeKnownHosts(wanted)
  log(`booting ${wanted.map(({ name }) => name).join(', ')}`)
  await Promise.all(wanted.map((node) => turnOn(node, rootfs)))
  await Promise.all(wanted.map(waitUntilReady))
  await writeInventory(wanted)
  return describe(wanted)
}

async function startProxy(sources: readonly AptSource[]): Promise<void> {
  const program = join(import.meta.dirname, 'apt-proxy.ts')
  const listen = [PUBLIC.controller, String(PROXY_PORT)]
  const urls = new Set(sources.map(({ url }) => url))
  await startDaemon('apt-proxy', [process.execPath, program, ...listen, join(cacheDir(), 'packages'), ...urls])
}

/** Without a single fork, as every test and every run with --lab asks. */
async function isHealthy(nodes: readonly Node[]): Promise<boolean> {
  if (!routerExists() || !daemonPid('dnsmasq') || !daemonPid('apt-proxy')) return false
  if (existing().length !== nodes.length || !existsSync(inventoryPath())) return false
  return nodes.every(isOn) && (await Promise.all(nodes.map(answers))).every(Boolean)
}

function count(nodes: number | undefined): number {
  const wanted = nodes ?? (existing().length || DEFAULT_NODES)
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= MAX_NODES) return wanted
  throw new LabError(`lab: ${wanted} machines: give a number from 1 to ${MAX_NODES}`)
}

function existing(): readonly Node[] {
  const names = existsSync(labPath('machines')) ? readdirSync(labPath('machines')) : []
  return labNodes(MAX_NODES).filter(({ name }) => names.includes(name))
}

function describe(nodes: readonly Node[]): Lab {
  return { dir: labDir(), inventory: inventoryPath(), nodes: nodes.map(shown) }
}

function shown({ name, address, privateIp }: Node): LabNode {
  return { name, address, privateIp }
}
