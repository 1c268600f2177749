/** The network between the machines: a namespace that routes as Hetzner does, and lets nothing out of the lab. */
import { existsSync, readFileSync } from 'node:fs'
import { readdir, rmdir, writeFile } from 'node:fs/promises'
import { checkClashes } from './clashes.ts'
import { CONTROLLER_LINK, labDir, labPath, PUBLIC, ROUTER, SERVED_PORTS } from './config.ts'
import { dnsmasqConfig } from './dnsmasq.ts'
import { type Drops, FIREWALL, parseDrops } from './firewall.ts'
import { startDaemon } from './processes.ts'
import { attempt, run } from './shell.ts'

export function routerExists(): boolean {
  return existsSync(`/run/netns/${ROUTER}`)
}

/** The `labDir()` of the checkout whose lab this computer runs, as there can be one only; undefined for none. */
export function routerOwner(): string | undefined {
  try {
    return readFileSync(`/sys/class/net/${CONTROLLER_LINK}/ifalias`, 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

/** Builds the router, its firewall and its DHCP and DNS server. The machines plug themselves in when they boot. */
export async function routerUp(): Promise<void> {
  if (!routerExists() || !routerOwner()) {
    await routerDown() // what a run that was cut off half-way built
    await checkClashes()
    await run(['ip', 'netns', 'add', ROUTER])
    await inRouter(['nft', '-f', '-'], FIREWALL)
    await run(['ip', '-batch', '-'], CONTROLLER_SIDE)
    await run(['ip', '-n', ROUTER, '-batch', '-'], ROUTER_SIDE)
    await inRouter(['sysctl', '-qw', 'net.ipv4.ip_forward=1'])
    // Last, as it says that the network is whole.
    await run(['ip', 'link', 'set', CONTROLLER_LINK, 'alias', labDir()])
  }
  await writeFile(labPath('dnsmasq.conf'), dnsmasqConfig())
  await startDaemon('dnsmasq', [...IN_ROUTER, 'dnsmasq', `--conf-file=${labPath('dnsmasq.conf')}`])
}

/** Removes the network and ends what runs on it, whoever started it: both can be told by the lab's own addresses. */
export async function routerDown(): Promise<void> {
  const inside = routerExists() ? await run(['ip', 'netns', 'pids', ROUTER]) : ''
  const ports = SERVED_PORTS.map((port) => `src ${PUBLIC.controller}:${port}`).join(' or ')
  const servers = await run(['ss', '--no-header', '-ltnp', ports])
  const pids = [...inside.split('\n'), ...Array.from(servers.matchAll(/pid=(\d+)/g), ([, pid]) => pid)]
  for (const pid of pids) if (pid) await attempt(['kill', pid])
  await attempt(['ip', 'link', 'delete', CONTROLLER_LINK])
  if (routerExists()) await run(['ip', 'netns', 'delete', ROUTER])
  await removeNamespaceDirectory()
}

/** `ip netns add` mounts this directory on itself; the last one to leave takes the mount away. */
async function removeNamespaceDirectory(): Promise<void> {
  const names = await readdir('/run/netns').catch(() => ['absent'])
  if (names.length > 0) return
  await attempt(['umount', '/run/netns'])
  await rmdir('/run/netns').catch(() => {})
}

/** What the router did not let through since it was built. */
export async function routerDrops(): Promise<Drops> {
  return parseDrops(await inRouter(['nft', '--json', 'list', 'table', 'inet', 'lab']))
}

const IN_ROUTER = ['nsenter', `--net=/run/netns/${ROUTER}`, '--']

/** Runs a program in the router's network namespace. */
function inRouter(argv: readonly string[], input = ''): Promise<string> {
  return run([...IN_ROUTER, ...argv], input)
}

const CONTROLLER_SIDE = `\
link add ${CONTROLLER_LINK} type veth peer name ctl netns ${ROUTER}
address add ${PUBLIC.controller}/32 dev ${CONTROLLER_LINK}
link set ${CONTROLLER_LINK} up
route add ${PUBLIC.dns}/32 dev ${CONTROLLER_LINK}
route add ${PUBLIC.network} via ${PUBLIC.dns} dev ${CONTROLLER_LINK} src ${PUBLIC.controller}
`

const ROUTER_SIDE = `\
link set lo up
link set ctl up
address add ${PUBLIC.dns}/32 dev ctl
route add ${PUBLIC.controller}/32 dev ctl
`
