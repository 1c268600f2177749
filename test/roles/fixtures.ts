import type { Facts, Host } from '../../core/declare/host.ts'
import { noMeans, type Releases, type SecretKind, type Secrets } from '../../core/declare/means.ts'
import type { Resource } from '../../core/declare/resource.ts'
import type { Finding, Role, RoleInput, Vitals } from '../../core/declare/role.ts'
import { asAuthority, makeAuthority } from '../../core/secrets/authority.ts'
import { Secret } from '../../core/secrets/secret.ts'

export const host = (name: string, privateIp: string, slot: number, groups = ['servers']): Host => ({
  name,
  address: `${name}.example.com`,
  privateIp,
  slot,
  groups,
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
    resolved: true,
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
    resolved: false,
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
    resolved: true,
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
    resolved: true,
    privateInterface: 'ens10',
    privateMtu: 1450,
    publicInterface: 'eth0',
  },
} as const satisfies Record<string, Facts>

/** What a role may be given besides, in a test. */
export type More = Partial<Pick<RoleInput<unknown>, 'hosts' | 'cluster' | 'secrets' | 'releases'>>

/** What a role is given for a host, with its vars as the inventory would give them. */
export const input = (role: Role, own: Host, known: Facts, vars: Record<string, unknown>, more: More = {}) => ({
  host: { ...own, facts: known },
  hosts,
  cluster: { name: 'caravan', datacenter: 'dc1', network: '10.33.0.0/16', expose: 'private' as const },
  vars: role.vars.parse(vars),
  secrets: noMeans.secrets(role, true),
  releases: releasesOf('1.2.3'),
  ...more,
})

const authority = asAuthority(await makeAuthority('Caravan test'))

/** Secrets of these kinds, the same ones in each test. */
export const secretsOf = (kinds: Readonly<Record<string, SecretKind>>): Secrets => {
  const value = (name: string): string => {
    const number = Object.keys(kinds).indexOf(name) + 1
    if (number === 0) throw new Error(`the role declares no secret ${name}`)
    if (kinds[name] === 'key') return Buffer.alloc(32, number).toString('base64')
    return kinds[name] === 'uuid' ? `5ec2e7${number}0-0000-4000-8000-000000000000` : `password-number-${number}`
  }
  return { value: (name) => Secret.of(name, value(name)), ca: () => authority }
}

/** A release of each product in this version. */
export const releasesOf =
  (version: string): Releases =>
  (product) => ({
    product,
    version,
    url: `https://releases.example.com/${product}_${version}.zip`,
    sha256: 'ab'.repeat(32),
    ...(product !== 'cni-plugins' && { member: product }),
    by: 'host',
  })

/** What a role declares for a host, with its vars as the inventory would give them. */
export const declared = (
  role: Role,
  own: Host,
  known: Facts,
  vars: Record<string, unknown> = {},
  more: More = {},
): readonly Resource[] => role.resources(input(role, own, known, vars, more))

/** What a role finds wrong with a host. */
export const found = (
  role: Role,
  known: Facts,
  vitals: Vitals,
  vars: Record<string, unknown> = {},
  more: More = {},
): readonly Finding[] => role.checks({ ...input(role, hosts[0], known, vars, more), vitals })

/** `type id` of each. */
export const names = (resources: readonly Resource[]): readonly string[] =>
  resources.map(({ type, id }) => `${type.name} ${id}`)

/** The one of this id. */
export const byId = (resources: readonly Resource[], id: string): Resource => {
  const one = resources.find((resource) => resource.id === id)
  if (one === undefined) throw new Error(`no ${id} in ${names(resources).join(', ')}`)
  return one
}

/** The content of a file, also of a secret one. */
export const textOf = (resources: readonly Resource[], id: string): string => {
  const { content } = byId(resources, id).want
  return content instanceof Secret ? content.reveal() : Buffer.from(content).toString()
}
