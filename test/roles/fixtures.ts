import type { Facts, Host } from '../../core/declare/host.ts'
import { noMeans } from '../../core/declare/means.ts'
import type { Resource } from '../../core/declare/resource.ts'
import type { Finding, Role, Vitals } from '../../core/declare/role.ts'

const host = (name: string, privateIp: string, slot: number): Host => ({
  name,
  address: `${name}.example.com`,
  privateIp,
  slot,
  groups: ['servers'],
  ssh: { user: 'root', port: undefined, identityFile: undefined, hostKeys: [], sudoPasswordFile: undefined },
  vars: {},
})

/** Two hosts of an inventory. */
export const hosts = [host('node-1', '10.33.0.2', 0), host('node-2', '10.33.0.3', 1)] as const

/** Facts as machines of these kinds told them. */
export const facts = {
  debian12: {
    arch: 'amd64',
    os: { id: 'debian', version: '12', codename: 'bookworm' },
    kernel: '6.1.0-13-amd64',
    systemd: 252,
    cpus: 8,
    memory: 15731,
    cgroup: 2,
    privateInterface: 'enp7s0',
    privateMtu: 1450,
    publicInterface: 'eth0',
  },
  debian13: {
    arch: 'arm64',
    os: { id: 'debian', version: '13', codename: 'trixie' },
    kernel: '6.12.0-1-arm64',
    systemd: 257,
    cpus: 4,
    memory: 7800,
    cgroup: 2,
    privateInterface: 'enp7s0',
    privateMtu: 1450,
    publicInterface: 'eth0',
  },
  ubuntu2204: {
    arch: 'amd64',
    os: { id: 'ubuntu', version: '22.04', codename: 'jammy' },
    kernel: '5.15.0-78-generic',
    systemd: 249,
    cpus: 4,
    memory: 15611,
    cgroup: 2,
    privateInterface: 'enp7s0',
    privateMtu: 1450,
    publicInterface: 'eth0',
  },
  ubuntu2404: {
    arch: 'amd64',
    os: { id: 'ubuntu', version: '24.04', codename: 'noble' },
    kernel: '6.8.0-45-generic',
    systemd: 255,
    cpus: 4,
    memory: 15611,
    cgroup: 2,
    privateInterface: 'ens10',
    privateMtu: 1450,
    publicInterface: 'eth0',
  },
} as const satisfies Record<string, Facts>

const input = (role: Role, own: Host, known: Facts, vars: Record<string, unknown>) => ({
  host: { ...own, facts: known },
  hosts,
  cluster: { name: 'caravan', datacenter: 'dc1', network: '10.33.0.0/16', expose: 'private' as const },
  vars: role.vars.parse(vars),
  secrets: noMeans.secrets(role, true),
  releases: noMeans.releases(known.arch, {}, true),
})

/** What a role declares for a host, with its vars as the inventory would give them. */
export const declared = (
  role: Role,
  own: Host,
  known: Facts,
  vars: Record<string, unknown> = {},
): readonly Resource[] => role.resources(input(role, own, known, vars))

/** What a role finds wrong with a host. */
export const found = (
  role: Role,
  known: Facts,
  vitals: Vitals,
  vars: Record<string, unknown> = {},
): readonly Finding[] => role.checks({ ...input(role, hosts[0], known, vars), vitals })

/** `type id` of each. */
export const names = (resources: readonly Resource[]): readonly string[] =>
  resources.map(({ type, id }) => `${type.name} ${id}`)
