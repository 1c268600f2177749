import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { InventoryError } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import { inNetwork } from './address.ts'
import { type Cluster, CONTROLLER, type Host } from './host.ts'
import { type InventoryFile, inventorySchema } from './inventory-schema.ts'
import type { Role } from './role.ts'
import { checkSchema } from './schema-problems.ts'
import { type Layer, layersOf, mergeLayers, type RoleVars, type VarOverride } from './vars.ts'
import { type PlacedYaml, parsePlacedYaml, type YamlPath } from './yaml-places.ts'

/** Which machines there are, and their settings. */
export type Inventory = Readonly<{
  /** The path that was read, as the person gave it. */
  file: string
  cluster: Cluster
  hosts: readonly Host[]
  groups: Readonly<Record<string, readonly string[]>>
  versions: InventoryFile['versions']
  downloads: InventoryFile['downloads']
}>

/** What the inventory is checked against. */
export type InventoryOptions = Readonly<{
  /** The roles whose vars are checked by their schemas. */
  roles: readonly Role[]
  /** Every role name that may have vars, of this playbook or not. */
  roleNames: readonly string[]
  /** `--vars role.key=value`; they win over everything. */
  overrides?: readonly VarOverride[]
}>

/**
 * Reads and checks `inventory.yaml`.
 * @throws InventoryError with every problem at once, each as `file:line:column: what (nearest valid name)`.
 */
export const readInventory = (file: string, options: InventoryOptions): Inventory => {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const reason =
      error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'does not exist' : String(error)
    throw new InventoryError(`${file}: ${reason}`, { hint: 'npx zx playbooks/setup.mjs writes one' })
  }
  return parseInventory(text, file, options)
}

/** As `readInventory`, for a text that was read already. `file` is for messages and relative paths. */
export const parseInventory = (text: string, file: string, options: InventoryOptions): Inventory => {
  const yaml = parsePlacedYaml(text, file)
  if (yaml.problems.length > 0) throw refused(yaml.problems)
  const { data, problems } = checkSchema(inventorySchema, yaml.value)
  const shape = problems.map(
    ({ path, key, message }) => `${key ? yaml.placeOfKey(path) : yaml.placeOf(path)}: ${message}`,
  )
  if (data === undefined) throw refused(shape)
  const meaning = [...crossProblems(data, yaml), ...overrideProblems(options)]
  const hosts = Object.keys(data.hosts).map((name) => toHost(name, data, file, options.overrides ?? []))
  meaning.push(...varProblems(data, yaml, options))
  if (meaning.length > 0) throw refused([...new Set(meaning)])
  const groups = Object.fromEntries(Object.entries(data.groups).map(([name, group]) => [name, hostsOf(group)]))
  const { cluster, versions, downloads } = data
  return Object.freeze({
    file,
    cluster: Object.freeze(cluster),
    hosts: Object.freeze(hosts),
    groups,
    versions,
    downloads,
  })
}

// A key may hold line breaks, and each problem is one line.
const refused = (problems: readonly string[]): InventoryError =>
  new InventoryError(problems.map((problem) => problem.replaceAll(/[\n\r]/g, ' ')).join('\n'))

const hostsOf = (group: InventoryFile['groups'][string]): readonly string[] =>
  Array.isArray(group) ? group : group.hosts

const toHost = (name: string, data: InventoryFile, file: string, overrides: readonly VarOverride[]): Host => {
  const host = data.hosts[name] as InventoryFile['hosts'][string]
  const path = (text: string | undefined) =>
    text === undefined
      ? undefined
      : resolve(
          dirname(file),
          text.replace(/^~(?=\/)/, () => homedir()),
        )
  return Object.freeze({
    name,
    address: host.address,
    privateIp: host.privateIp,
    slot: host.slot,
    groups: Object.freeze(Object.keys(data.groups).filter((group) => hostsOf(data.groups[group] ?? []).includes(name))),
    ssh: Object.freeze({
      user: host.user,
      port: host.port,
      identityFile: path(host.identityFile),
      hostKeys: Object.freeze(host.hostKeys ?? []),
      sudoPasswordFile: path(host.sudoPasswordFile),
    }),
    vars: mergeLayers(layersOf(name, data, overrides)).vars,
  })
}

// What no schema of one value can say.
const crossProblems = (data: InventoryFile, yaml: PlacedYaml): string[] => {
  const problems: string[] = []
  const names = Object.keys(data.hosts)
  for (const reserved of ['all', CONTROLLER]) {
    for (const section of ['hosts', 'groups'] as const) {
      if (!Object.hasOwn(data[section], reserved)) continue
      problems.push(
        `${yaml.placeOfKey([section, reserved])}: "${reserved}" has a meaning of its own: choose another name`,
      )
    }
  }
  if (data.cluster.expose === 'management' && data.cluster.firewall === undefined) {
    const place = yaml.placeOf(['cluster', 'expose'])
    problems.push(`${place}: management opens ports on public addresses: say "firewall: external" once one guards them`)
  }
  for (const key of ['address', 'privateIp', 'slot'] as const) problems.push(...duplicates(data, yaml, key))
  for (const [name, host] of Object.entries(data.hosts)) {
    if (inNetwork(host.privateIp, data.cluster.network)) continue
    const place = yaml.placeOf(['hosts', name, 'privateIp'])
    problems.push(`${place}: privateIp: ${host.privateIp} is not in the private network ${data.cluster.network}`)
  }
  for (const [group, value] of Object.entries(data.groups)) {
    const base: YamlPath = Array.isArray(value) ? ['groups', group] : ['groups', group, 'hosts']
    if (names.includes(group))
      problems.push(`${yaml.placeOfKey(['groups', group])}: group "${group}" has a host's name`)
    hostsOf(value).forEach((name, index) => {
      if (names.includes(name)) return
      problems.push(`${yaml.placeOf([...base, index])}: unknown host "${name}"${didYouMean(name, names)}`)
    })
  }
  return problems
}

const duplicates = (data: InventoryFile, yaml: PlacedYaml, key: 'address' | 'privateIp' | 'slot'): string[] => {
  const owners = new Map<string | number, string>()
  return Object.entries(data.hosts).flatMap(([name, host]) => {
    const value = host[key]
    if (value === undefined) return []
    const owner = owners.get(value)
    if (owner === undefined) owners.set(value, name)
    return owner === undefined ? [] : [`${yaml.placeOf(['hosts', name, key])}: ${key} ${value} is ${owner}'s already`]
  })
}

const overrideProblems = ({ overrides = [], roleNames }: InventoryOptions): string[] =>
  overrides
    .filter(({ role }) => !roleNames.includes(role))
    .map(({ role }) => `--vars: unknown role "${role}"${didYouMean(role, roleNames)}`)

/** Unknown roles anywhere, and the merged vars of each host against the schema of each role. */
const varProblems = (data: InventoryFile, yaml: PlacedYaml, options: InventoryOptions): string[] => {
  const problems: string[] = []
  const layers = Object.keys(data.hosts).map((name) => layersOf(name, data, options.overrides ?? []))
  for (const { path, vars } of new Set(layers.flat()))
    problems.push(...unknownRoles(path, vars, yaml, options.roleNames))
  for (const hostLayers of layers) {
    for (const role of options.roles) problems.push(...roleVarProblems(role, hostLayers, yaml))
  }
  return problems
}

const unknownRoles = (
  path: YamlPath | undefined,
  vars: RoleVars,
  yaml: PlacedYaml,
  names: readonly string[],
): string[] =>
  path === undefined
    ? []
    : Object.keys(vars)
        .filter((role) => !names.includes(role))
        .map((role) => `${yaml.placeOfKey([...path, role])}: unknown role "${role}"${didYouMean(role, names)}`)

const roleVarProblems = (role: Role, layers: readonly Layer[], yaml: PlacedYaml): string[] => {
  const { vars, origin } = mergeLayers(layers)
  const { problems } = checkSchema(role.vars, vars[role.name] ?? {})
  return problems.map(({ path, key, message }) => {
    const layer = origin(role.name, String(path[0] ?? ''))
    if (layer === undefined || layer.path === undefined) return `--vars ${role.name}.${path.join('.')}: ${message}`
    const full = [...layer.path, role.name, ...path]
    return `${key ? yaml.placeOfKey(full) : yaml.placeOf(full)}: ${message}`
  })
}
