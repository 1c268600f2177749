import { inNetwork } from '../declare/address.ts'
import { CaravanError } from '../errors.ts'
import type { Interface, Machine } from './machine.ts'

/** The network of the example, and of most who follow it. */
const USUAL = '10.33.0.0/16'
// RFC 1918, and RFC 6598 which VPNs such as Tailscale hand out.
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10']

/** The interfaces of a machine that hold a private address. */
export const privateInterfaces = ({ interfaces }: Pick<Machine, 'interfaces'>): readonly Interface[] =>
  interfaces.filter(({ address }) => PRIVATE.some((network) => inNetwork(address, network)))

type Seen = Pick<Machine, 'interfaces' | 'facts'>

/**
 * The likeliest private network: where most machines have a private address; of several such networks the usual one,
 * then one that is not behind the interface of the default route, then the widest. Undefined: nobody has one.
 */
export const likeliestNetwork = (machines: readonly Seen[]): string | undefined => {
  const networks = new Set([USUAL, ...machines.flatMap((machine) => privateInterfaces(machine).flatMap(networksOf))])
  const ranked = [...networks].map((network) => ({ network, order: orderOf(network, machines) }))
  ranked.sort((a, b) => a.order.map((value, index) => value - (b.order[index] ?? 0)).find((each) => each !== 0) ?? 0)
  const [best] = ranked
  return best === undefined || best.order[0] === 0 ? undefined : best.network
}

const networksOf = ({ address, networks }: Interface): readonly string[] =>
  networks.filter((network) => bits(network) >= 8 && bits(network) <= 30 && inNetwork(address, network))

const bits = (network: string): number => Number(network.split('/')[1])

const orderOf = (network: string, machines: readonly Seen[]): readonly number[] => {
  const inside = machines.map((machine) => addressesIn(machine, network))
  const isPublic = machines.some(({ facts }, index) =>
    inside[index]?.some(({ name }) => name === facts.publicInterface),
  )
  const present = inside.filter((addresses) => addresses.length > 0).length
  return [-present, network === USUAL ? 0 : 1, isPublic ? 1 : 0, bits(network)]
}

/** The private addresses that a machine has in a network. */
export const addressesIn = (machine: Pick<Machine, 'interfaces'>, network: string): readonly Interface[] =>
  privateInterfaces(machine).filter(({ address }) => inNetwork(address, network))

/** What is wrong with private addresses, one for each machine; undefined stands for one that has none. */
export const privateProblems = (
  machines: readonly Machine[],
  addresses: readonly (string | undefined)[],
  network: string,
): readonly CaravanError[] =>
  machines.flatMap((machine, index) => {
    const address = addresses[index]
    const host = machine.login.address
    if (address === undefined)
      return new CaravanError(`no interface has an address in the private network ${network} (${listed(machine)})`, {
        host,
        hint: 'attach the machine to the network, or give another network (--network)',
      })
    const other = machines[addresses.indexOf(address)]?.login.address
    if (other !== host)
      return new CaravanError(`it has the private address of ${other}: ${address}`, {
        host,
        hint: 'name each machine once, and give each an address of its own: is one a copy of the other?',
      })
    if (machine.interfaces.some((one) => one.address === address)) return []
    return new CaravanError(`no interface has the address ${address} (${listed(machine)})`, {
      host,
      hint: 'give the private addresses in the order of the machines (--private-ips)',
    })
  })

const listed = (machine: Machine): string =>
  privateInterfaces(machine)
    .map(({ name, address }) => `${name} ${address}`)
    .join(', ') || 'it has no private address at all'
