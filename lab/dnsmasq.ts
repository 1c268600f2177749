/** Upstream DNS and the DHCP of both networks: one dnsmasq in the router. */
import { labNodes, labPath, MAX_NODES, PRIVATE, PUBLIC, PUBLIC_NAME } from './config.ts'

const everyNode = labNodes(MAX_NODES)
const [publicRange] = PUBLIC.network.split('/')
const [privateRange] = PRIVATE.network.split('/')

/** Hands out what Hetzner's DHCP does: /32 addresses, a gateway outside of them, routes and MTU on the private side. */
export function dnsmasqConfig(): string {
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
# The machines know their names.
dhcp-ignore-names
dhcp-authoritative
dhcp-leasefile=${labPath('dhcp.leases')}
log-facility=${labPath('dnsmasq.log')}
# Upstream DNS answers the lab's names; every other one does not exist.
address=/#/
${everyNode.map(({ name, address }) => `host-record=${name}.lab,${address}`).join('\n')}
# A name with an address: with address=/…/ it would not exist for who asks for an IPv6 address, which musl takes for all.
host-record=${PUBLIC_NAME},${PUBLIC.dns}
shared-network=${PUBLIC.gateway},${publicRange}
shared-network=${PRIVATE.gateway},${privateRange}
dhcp-range=set:public,${publicRange},static,255.255.255.0,24h
dhcp-range=set:private,${privateRange},static,255.255.0.0,24h
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
