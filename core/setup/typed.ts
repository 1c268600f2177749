import { isIP } from 'node:net'
import { CONTROLLER } from '../declare/host.ts'
import { clusterSchema, hostSchema } from '../declare/inventory-schema.ts'

/** Several values as they are typed or pasted: separated by spaces, commas or line ends. */
export const listOf = (text: string): readonly string[] => text.split(/[\s,]+/).filter((word) => word !== '')

/** What is wrong with addresses that were typed; undefined: nothing. */
export const addressesProblem = (addresses: readonly string[]): string | undefined =>
  addresses.length === 0
    ? 'at least one machine'
    : (first(addresses, addressProblem) ?? twice(addresses.map((address) => address.toLowerCase())))

const addressProblem = (address: string): string | undefined => {
  const [, user, host = address] = /^([^@]+)@(.+)$/.exec(address) ?? []
  if (user !== undefined) return `${address}: only ${host}; the user is a question of its own (--user)`
  const port = /^[^:]+:(\d+)$/.exec(address)?.[1]
  if (port !== undefined) return `${address}: without the port; --port ${port} gives it for all machines`
  if (/^[\d.]+$/.test(address) && isIP(address) === 0) return `${address} is no IPv4 address`
  if (!hostSchema.shape.address.safeParse(address).success || address.startsWith('-'))
    return `${address} is no address, DNS name or alias of an ssh configuration`
  return undefined
}

/** What is wrong with a user of SSH. */
export const userProblem = (user: string): string | undefined =>
  /^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$/.test(user) ? undefined : `"${user}" is no user name`

/** What is wrong with the machines' names, of which as many are wanted as there are machines. */
export const namesProblem = (names: readonly string[], wanted: number): string | undefined => {
  if (names.length !== wanted) return `${wanted} names are wanted, one for each machine in their order`
  return first(names, nameProblem) ?? twice(names)
}

const nameProblem = (name: string): string | undefined => {
  if (taken.includes(name)) return `"${name}" means something else already`
  return isDnsLabel(name)
    ? undefined
    : `"${name}" is no DNS label: lower case letters, digits and dashes, at most 63, no dash at an end`
}

// The groups that are written, and the words of plays and of --limit.
const taken: readonly string[] = ['servers', 'clients', 'all', CONTROLLER]

const isDnsLabel = (name: string): boolean => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)

/** Whether a machine may have this name. */
export const isName = (name: string): boolean => nameProblem(name) === undefined

/** What is wrong with the private network. */
export const networkProblem = (network: string): string | undefined => {
  const [base = '', bits] = network.split('/')
  if (!clusterSchema.shape.network.safeParse(network).success)
    return `"${network}" is no IPv4 network such as 10.33.0.0/16`
  const size = 2 ** (32 - Number(bits))
  const number = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  return number % size === 0 ? undefined : `${network}: ${base} is not the first address of a network of this size`
}

/** What is wrong with private addresses. */
export const privateIpsProblem = (addresses: readonly string[], wanted: number): string | undefined => {
  if (addresses.length !== wanted) return `${wanted} private addresses are wanted, one for each machine in their order`
  return first(addresses, (one) => (isIP(one) === 4 ? undefined : `"${one}" is no IPv4 address`)) ?? twice(addresses)
}

/** What is wrong with the number of servers, out of so many machines. */
export const serversProblem = (text: string, machines: number): string | undefined => {
  const number = Number(text)
  if (!/^\d{1,4}$/.test(text) || number % 2 === 0) return `an odd number such as ${serverChoices(machines).join(', ')}`
  return number > machines ? `there ${machines === 1 ? 'is 1 machine' : `are ${machines} machines`}` : undefined
}

/** How many servers make sense: 1, 3, 5 … at most so many. More than 7 only slow each other down. */
export const serverChoices = (machines: number): readonly number[] => [1, 3, 5, 7].filter((one) => one <= machines)

const first = (all: readonly string[], problem: (one: string) => string | undefined): string | undefined => {
  for (const one of all) {
    const found = problem(one)
    if (found !== undefined) return found
  }
  return undefined
}

const twice = (all: readonly string[]): string | undefined => {
  const again = all.find((one, index) => all.indexOf(one) !== index)
  return again === undefined ? undefined : `${again} was given twice`
}
