/** What may pass through the router, and the counts of what may not. */
import { labNodes, MAX_NODES, PRIVATE, PUBLIC, SERVED_PORTS } from './config.ts'

const everyNode = labNodes(MAX_NODES)
const publicNodes = everyNode.map(({ address }) => address).join(', ')
const privateNodes = everyNode.map(({ privateIp }) => privateIp).join(', ')

/**
 * What may pass is listed; all else is counted and dropped, before routing, so that an address that leads nowhere
 * counts too. `dropped` remembers what it was.
 */
export const FIREWALL = `
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
    iifname "pub-*" ip saddr { ${publicNodes} } ip daddr { ${publicNodes} } accept
    iifname "pub-*" ip saddr { ${publicNodes} } ip daddr ${PUBLIC.controller} tcp dport { ${SERVED_PORTS.join(', ')} } accept
    # The end of a connection that this computer had opened and conntrack has forgotten, as after a reboot.
    iifname "pub-*" ip saddr { ${publicNodes} } ip daddr ${PUBLIC.controller} tcp flags & (syn | ack) != syn accept
    iifname { "pub-*", "ctl" } ip daddr ${PUBLIC.dns} meta l4proto { tcp, udp } th dport 53 accept
    iifname { "pub-*", "ctl" } ip daddr { ${PUBLIC.dns}, ${PUBLIC.gateway} } icmp type echo-request accept
    iifname "priv-*" ip saddr { ${privateNodes} } ip daddr { ${privateNodes} } accept
    iifname "priv-*" ip daddr ${PRIVATE.gateway} icmp type echo-request accept
    iifname "ctl" ip saddr ${PUBLIC.controller} ip daddr { ${publicNodes} } accept
    # Whoever looks for a machine that is not there looks inside of the lab: silence, and nothing to count.
    iifname "ctl" ip saddr ${PUBLIC.controller} ip daddr ${PUBLIC.network} drop
    meta l4proto { tcp, udp } add @dropped { ip saddr . ip daddr . meta l4proto . th dport }
    counter name unicast drop
  }
  # A Hetzner machine that is off is silent: no router answers for it.
  chain output {
    type filter hook output priority filter; policy accept;
    icmp type destination-unreachable icmp code { net-unreachable, host-unreachable } drop
  }
}
`

/** Packets that the router refused to pass on, since it was built. */
export type Drops = {
  readonly unicast: number
  readonly linkLocal: number
  readonly multicast: number
  readonly to: readonly string[]
}

type NftObject = {
  readonly counter?: { readonly name: string; readonly packets: number }
  readonly set?: { readonly name: string; readonly elem?: readonly { readonly concat: readonly (string | number)[] }[] }
}

/** Reads what `nft --json list table inet lab` printed; `to` lists TCP and UDP as "FROM TO PROTOCOL PORT". */
export function parseDrops(listed: string): Drops {
  const objects: readonly NftObject[] = JSON.parse(listed).nftables
  const packets = (name: string) => objects.find(({ counter }) => counter?.name === name)?.counter?.packets ?? 0
  const dropped = objects.find(({ set }) => set?.name === 'dropped')?.set?.elem ?? []
  return {
    unicast: packets('unicast'),
    linkLocal: packets('link_local'),
    multicast: packets('multicast'),
    to: dropped.map(({ concat }) => concat.join(' ')),
  }
}
