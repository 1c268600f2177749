import { type Interface, type Machine, parseMachine } from '../../core/setup/machine.ts'
import { host } from '../remote/hosts.ts'

/** What a machine prints, as Hetzner hands it out: a public and a private address, both /32. */
export const printed = (
  more: Readonly<{ hostname?: string; ip?: string; os?: string; lines?: readonly string[] }> = {},
) => {
  const { hostname = 'node-1', ip = '10.33.0.2', os = 'debian 12 bookworm', lines = [] } = more
  return `time 1700000000.5
os ${os}
kernel 6.1.0-18-amd64
arch amd64
cpus 4
memory 8131072
systemd 252
cgroup 2
resolved yes
address lo 127.0.0.1
address eth0 203.0.113.11
address enp7s0 ${ip}
mtu eth0 1500
mtu enp7s0 1450
default eth0
synchronised yes
applied -
hostname ${hostname}
route default via 172.31.1.1 dev eth0 proto dhcp src 203.0.113.11 metric 100
route 10.33.0.0/16 via 10.33.0.1 dev enp7s0 proto dhcp src ${ip} metric 100
route 10.33.0.1 dev enp7s0 proto dhcp scope link src ${ip} metric 100
${lines.join('\n')}`
}

/** A machine with these interfaces, as `NAME ADDRESS NETWORK…`; the first is that of the default route. */
export const machine = (address: string, interfaces: readonly string[], hostname = 'node-1'): Machine => {
  const parsed = interfaces.map((line): Interface => {
    const [name = '', own = '', ...networks] = line.split(' ')
    return { name, address: own, networks }
  })
  const { facts } = parseMachine(printed(), host('x', address))
  return {
    login: { address, user: 'root', port: undefined, identityFile: undefined, sudoPasswordFile: undefined },
    hostKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPZ9izVrftFgKKJWz/tDkqf3rGNzaSumtmxoVna1F7UL',
    fingerprint: 'SHA256:kMXS3aT6xXNiMDMMl/QJYcwSLy6VKemKeC9AVcnGLtk',
    facts: { ...facts, publicInterface: parsed[0]?.name },
    hostname,
    interfaces: parsed,
  }
}
