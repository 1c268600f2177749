/** The network between the machines: a namespace that routes as Hetzner does, and lets nothing out of the lab. */
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { CONTROLLER_LINK, labNodes, labPath, MAX_NODES, PRIVATE, PROXY_PORT, PUBLIC, PUBLIC_NAME, ROUTER } from './config.ts'
import { LabError } from './errors.ts'
import { startDaemon, stopDaemon } from './processes.ts'
import { attempt, run } from './shell.ts'

const everyNode = labNodes(MAX_NODES)
const first = everyNode[0]
const last = everyNode.at(-1)
const publicNodes = `${first?.address}-${last?.address}`
const privateNodes = `${first?.privateIp}-${last?.privateIp}`

export function routerExists(): boolean {
  return existsSync(`/run/netns/${ROUTER}`)
}

/** Builds the router, its firewall and its DHCP and DNS server. The machines plug themselves in when they boot. */
export async function routerUp(): Promise<void> {
  if (!routerExists()) {
    await checkClashes()
    await run(['ip', 'netns', 'add', ROUTER])
    await run(['ip', '-batch', '-'], CABLE)
    await run(['ip', '-n', ROUTER, '-batch', '-'], ROUTER_SIDE)
    await inRouter(['sysctl', '-qw', 'net.ipv4.ip_forward=1'])
    await inRouter(['nft', '-f', '-'], FIREWALL)
  }
  await writeFile(labPath('dnsmasq.conf'), dnsmasqConfig())
  await startDaemon('dnsmasq', [...IN_ROUTER, 'dnsmasq', `--conf-file=${labPath('dnsmasq.conf')}`])
}

export async function routerDown(): Promise<void> {
  await stopDaemon('dnsmasq')
  await attempt(['ip', 'link', 'delete', CONTROLLER_LINK])
  if (routerExists()) await run(['ip', 'netns', 'delete', ROUTER])
}

const IN_ROUTER = ['nsenter', `--net=/run/netns/${ROUTER}`, '--']

/** Runs a program in the router's network namespace. */
export function inRouter(argv: readonly string[], input = ''): Promise<string> {
  return run([...IN_ROUTER, ...argv], input)
}

const CABLE = `\
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

/**
 * What may pass is listed; all else is counted and dropped, before routing, so that an address that leads nowhere
 * counts too. `dropped` remembers what it was.
 */
const FIREWALL = `
table inet lab {
  counter unicast {}
  counter link_local {}
  counter multicast {}
  set dropped { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags dynamic; size 1024; }
  chain prerouting {
    type filter hook prerouting priority filter; policy drop;
    iifname "lo" accept
    udp sport 68 udp dport 67 accept
    ct state established,related accept
    ip daddr { 224.0.0.0/4, 255.255.255.255 } counter name multicast drop
    ip6 daddr ff00::/8 counter name multicast drop
    ip daddr 169.254.0.0/16 counter name link_local reject
    ip6 daddr fe80::/10 counter name link_local drop
    meta pkttype { broadcast, multicast } counter name multicast drop
    iifname "pub-*" ip saddr ${publicNodes} ip daddr ${publicNodes} accept
    iifname "pub-*" ip saddr ${publicNodes} ip daddr ${PUBLIC.controller} tcp dport ${PROXY_PORT} accept
    iifname { "pub-*", "ctl" } ip daddr ${PUBLIC.dns} meta l4proto { tcp, udp } th dport 53 accept
    iifname { "pub-*", "ctl" } ip daddr { ${PUBLIC.dns}, ${PUBLIC.gateway} } icmp type echo-request accept
    iifname "priv-*" ip saddr ${privateNodes} ip daddr ${privateNodes} accept
    iifname "priv-*" ip daddr ${PRIVATE.gateway} icmp type echo-request accept
    iifname "ctl" ip saddr ${PUBLIC.controller} ip daddr ${publicNodes} accept
    meta l4proto { tcp, udp } add @dropped { ip saddr . ip daddr . meta l4proto . th dport }
    counter name unicast drop
  }
}
`

/** Hands out what Hetzner's DHCP does: /32 addresses, a gateway outside of them, routes and MTU on the private side. */
function dnsmasqConfig(): string {
  return `\
user=root
keep-in-foreground
bind-dynamic
interface=pub-*
interface=priv-*
interface=ctl
no-dhcp-interface=ctl
no-resolv
no-hosts
no-ping
dhcp-authoritative
dhcp-leasefile=${labPath('dhcp.leases')}
log-facility=${labPath('dnsmasq.log')}
# Upstream DNS answers the lab's names; every other one does not exist.
address=/#/
${everyNode.map(({ name, address }) => `host-record=${name},${address}`).join('\n')}
address=/${PUBLIC_NAME}/${PUBLIC.dns}
shared-network=${PUBLIC.gateway},198.18.33.0
shared-network=${PRIVATE.gateway},10.33.0.0
dhcp-range=set:public,198.18.33.0,static,255.255.255.0,24h
dhcp-range=set:private,10.33.0.0,static,255.255.0.0,24h
dhcp-option=option:netmask,255.255.255.255
dhcp-option=28
dhcp-option=tag:public,option:router,${PUBLIC.gateway}
dhcp-option=tag:public,option:dns-server,${PUBLIC.dns}
dhcp-option=tag:private,option:router
dhcp-option=tag:private,option:dns-server
dhcp-option=tag:private,option:mtu,${PRIVATE.mtu}
dhcp-option=tag:private,option:classless-static-route,${PRIVATE.gateway}/32,0.0.0.0,${PRIVATE.network},${PRIVATE.gateway}
${everyNode.map((node) => `dhcp-host=${node.publicMac},${node.address}\ndhcp-host=${node.privateMac},${node.privateIp}`).join('\n')}
`
}

type Route = { readonly dst: string; readonly dev?: string }

/**
 * Only the public range is routed in this computer's own namespace; the others exist inside of the lab's alone.
 * @throws LabError when something else here already leads there.
 */
async function checkClashes(): Promise<void> {
  const routes: Route[] = JSON.parse(await run(['ip', '-json', '-4', 'route', 'show', 'table', 'all']))
  const clash = routes.find((route) => route.dev !== CONTROLLER_LINK && overlaps(route.dst, PUBLIC.network))
  if (clash) {
    const where = `${clash.dst}${clash.dev ? ` dev ${clash.dev}` : ''}`
    throw new LabError(`lab: ${PUBLIC.network} is already routed here (${where}); change PUBLIC in lab/config.ts`)
  }
}

/** Whether two IPv4 ranges share an address. A default route is everyone's and counts as no overlap. */
export function overlaps(a: string, b: string): boolean {
  if (!/^[0-9]/.test(a) || a === '0.0.0.0/0') return false
  const [left, right] = [range(a), range(b)]
  const size = Math.min(left.bits, right.bits)
  return size > 0 && left.address >>> (32 - size) === right.address >>> (32 - size)
}

function range(cidr: string): { address: number; bits: number } {
  const [address = '', bits = '32'] = cidr.split('/')
  const number = address.split('.').reduce((sum, part) => ((sum << 8) | Number(part)) >>> 0, 0)
  return { address: number, bits: Number(bits) }
}

/** Packets that the router refused to pass on, since it was built. */
export type Drops = { readonly unicast: number; readonly linkLocal: number; readonly multicast: number; readonly to: readonly string[] }

type NftObject = {
  readonly counter?: { readonly name: string; readonly packets: number }
  readonly set?: { readonly name: string; readonly elem?: readonly { readonly concat: readonly (string | number)[] }[] }
}

/** Reads the counters; `to` lists the TCP and UDP packets as "FROM TO PROTOCOL PORT". */
export async function routerDrops(): Promise<Drops> {
  const listed = JSON.parse(await inRouter(['nft', '--json', 'list', 'table', 'inet', 'lab']))
  const objects: readonly NftObject[] = listed.nftables
  const packets = (name: string) => objects.find(({ counter }) => counter?.name === name)?.counter?.packets ?? 0
  const dropped = objects.find(({ set }) => set?.name === 'dropped')?.set?.elem ?? []
  return {
    unicast: packets('unicast'),
    linkLocal: packets('link_local'),
    multicast: packets('multicast'),
    to: dropped.map(({ concat }) => concat.join(' ')),
  }
}
