import { dirname, relative } from 'node:path'
import { stringify } from 'yaml'
import type { Inventory } from '../declare/inventory.ts'
import type { Machine } from './machine.ts'

/** One machine of the inventory that is to be written. */
export type NamedMachine = Machine & Readonly<{ name: string; privateIp: string }>

/** All that the set-up found out and was told. */
export type Draft = Readonly<{
  /** The private network. */
  network: string
  /** In the order of their slots. */
  machines: readonly NamedMachine[]
  /** The first so many are servers, the others clients. */
  servers: number
  /** Where everything is downloaded from; undefined: as by default. */
  downloads?: Inventory['downloads'] | undefined
}>

/** Where the inventory will be, and the JSON Schema for editors; both absolute. */
export type Paths = Readonly<{ inventory: string; schema: string }>

/** The text of the inventory, with comments. */
export const inventoryText = ({ network, machines, servers, downloads }: Draft, paths: Paths): string => {
  const names = machines.map(({ name }) => name)
  const clients = names.slice(servers)
  return [
    `# yaml-language-server: $schema=${schemaPath(paths)}`,
    '# The machines of the cluster. playbooks/setup.mjs wrote it; from here on it is yours to edit.',
    'cluster:',
    '  name: caravan',
    '  datacenter: dc1',
    '  # The private network: the machines talk to each other in it.',
    `  network: ${network}`,
    '',
    'groups:',
    '  # Servers keep the state of the cluster by majority: 3 survive the loss of one, 5 of two.',
    `  servers: ${flow(names.slice(0, servers))}`,
    ...(clients.length === 0 ? [] : [`  clients: ${flow(clients)}`]),
    '',
    ...(downloads === undefined ? [] : stringify({ downloads }, { lineWidth: 0 }).split('\n')),
    'hosts:',
    ...machines.flatMap((machine, slot) => hostLines(machine, slot, paths)),
    '',
  ].join('\n')
}

const hostLines = (machine: NamedMachine, slot: number, { inventory }: Paths): readonly string[] => {
  const { login, name, privateIp, hostKey, fingerprint } = machine
  const path = (file: string | undefined) => (file === undefined ? undefined : nearPath(file, dirname(inventory)))
  const settings = Object.entries({
    address: login.address,
    privateIp,
    slot,
    user: login.user,
    port: login.port,
    identityFile: path(login.identityFile),
    sudoPasswordFile: path(login.sudoPasswordFile),
  }).flatMap(([key, value]) => (value === undefined ? [] : [`    ${key}: ${scalar(value)}`]))
  const note = '    # The place in stateful jobs: given once, never renumbered.'
  const noted = settings.flatMap((line) => (slot === 0 && line.startsWith('    slot:') ? [note, line] : [line]))
  return [`  ${scalar(name)}:`, ...noted, `    # ${fingerprint}`, '    hostKeys:', `      - ${scalar(hostKey)}`]
}

// Within the inventory's directory a path stays right when both are moved.
const nearPath = (file: string, directory: string): string => {
  const near = relative(directory, file)
  return near.startsWith('..') ? file : near
}

const schemaPath = ({ inventory, schema }: Paths): string => {
  const near = relative(dirname(inventory), schema)
  return near.startsWith('..') ? schema : `./${near}`
}

const scalar = (value: string | number): string => stringify(value, { lineWidth: 0 }).trimEnd()

const flow = (names: readonly string[]): string => `[${names.map(scalar).join(', ')}]`
