import { factsFragment, parseFacts } from '../converge/facts.ts'
import type { Facts, Host } from '../declare/host.ts'
import { ProbeError } from '../errors.ts'

/** How a machine is reached, as it was answered. */
export type Login = Readonly<{
  address: string
  /** Undefined: what the ssh configuration says. */
  user: string | undefined
  port: number | undefined
  /** Absolute. */
  identityFile: string | undefined
  /** Absolute. */
  sudoPasswordFile: string | undefined
}>

/** A machine that let us in and told what it is. */
export type Machine = Readonly<{
  login: Login
  /** `ssh-ed25519 AAAA…` */
  hostKey: string
  /** `SHA256:…` */
  fingerprint: string
  facts: Facts
  hostname: string
  /** What could hold a private address: no loopback, no bridge, nothing that a container runtime made. */
  interfaces: readonly Interface[]
}>

/** An IPv4 address, and the networks that are reached through its interface. */
export type Interface = Readonly<{ name: string; address: string; networks: readonly string[] }>

/** Prints what the set-up wants to know of a machine. Source: ip-route(8). */
export const machineFragment = `${factsFragment}
read -r name </proc/sys/kernel/hostname; printf 'hostname %s\\n' "$name"
for d in /sys/class/net/*/bridge; do [ ! -d "$d" ] || { d=\${d%/bridge}; printf 'bridge %s\\n' "\${d##*/}"; }; done
ip -4 route show | while read -r route; do printf 'route %s\\n' "$route"; done`

// Docker, Podman, CNI plugins, Nomad, libvirt, LXC, Kubernetes' overlays: addresses that mean nothing elsewhere.
const ofContainers = /^(docker|podman|br-|veth|cni|nomad|virbr|lxc|lxd|flannel|cali|tunl|cilium|kube)/

/** Understands what `machineFragment` printed. @throws ProbeError when something is missing, or it is no Debian. */
export const parseMachine = (output: string, host: Host): Pick<Machine, 'facts' | 'hostname' | 'interfaces'> => {
  const { facts, addresses } = parseFacts(output, host)
  if (facts.os.id !== 'debian' && facts.os.id !== 'ubuntu')
    throw new ProbeError(`it runs ${facts.os.id} ${facts.os.version}`, { hint: 'Caravan needs Debian or Ubuntu' })
  const lines = output.split('\n')
  const after = (word: string) =>
    lines.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []))
  const bridges = after('bridge')
  const routes = after('route').flatMap((route) => {
    const [, network, name] = /^(\d+\.\d+\.\d+\.\d+\/\d+) .*\bdev (\S+)/.exec(route) ?? []
    return network === undefined || name === undefined ? [] : [{ network, name }]
  })
  const interfaces = addresses
    .filter(([name]) => name !== 'lo' && !bridges.includes(name) && !ofContainers.test(name))
    .map(([name, address]) => ({
      name,
      address,
      networks: routes.filter((route) => route.name === name).map(({ network }) => network),
    }))
  return { facts, hostname: after('hostname')[0] ?? '', interfaces }
}
