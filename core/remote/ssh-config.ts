import type { Host } from '../declare/host.ts'
import { InventoryError } from '../errors.ts'

/** The files that a generated configuration names; all absolute, but for a leading `~/`. */
export type ConfigFiles = Readonly<{
  /** Where new host keys are recorded. */
  knownHosts: string
  /** The host keys of the inventory, see `pinnedKeys`. */
  pinned: string
  /** The person's and the system's own configuration, in this order. Not checked. */
  own: readonly string[]
}>

// First value wins in ssh_config, so these stand before anything of the person's. Source: ssh_config(5).
const ALWAYS = [
  'RequestTTY no',
  'RemoteCommand none',
  'ClearAllForwardings yes',
  'ForwardAgent no',
  'ForwardX11 no',
  'PermitLocalCommand no',
  'Tunnel no',
  'ControlMaster auto',
  'ControlPersist 10m',
  'ConnectTimeout 10',
  'ServerAliveInterval 15',
  'ServerAliveCountMax 3',
  'LogLevel INFO',
  'CheckHostIP no',
]

/**
 * The text of an ssh configuration that reaches the hosts by their address, as the person would by hand.
 * HostName is never set: an address may be an alias, whose HostName, ProxyJump, User and keys come from `files.own`.
 * @throws InventoryError for a value that cannot be written safely in that syntax, or two hosts with one address.
 */
export const sshConfig = (hosts: readonly Host[], files: ConfigFiles, controlPath: (host: Host) => string): string => {
  const addresses = new Set(hosts.map(({ address }) => address))
  if (addresses.size < hosts.length) throw new InventoryError('two hosts have the same address')
  const blocks = hosts.map((host) => [
    `Host ${plain(host, 'address', host.address, /^[A-Za-z0-9_:][A-Za-z0-9_.:%+-]*$/)}`,
    ...ALWAYS,
    ...reaching(host),
    ...trusting(host, files),
    `ControlPath ${path(host.name, controlPath(host))}`,
  ])
  // An Include belongs to the block that it stands in, and `Host *` is the block of everything.
  const own = ['Host *', ...files.own.map((file) => `Include "${file}"`)]
  return `${[...blocks, own].map((block) => block.join('\n  ')).join('\n\n')}\n`
}

/** The known_hosts file of the keys that the inventory gives, each under its host's name. */
export const pinnedKeys = (hosts: readonly Host[]): string =>
  hosts.flatMap((host) => host.ssh.hostKeys.map((key) => `${alias(host)} ${publicKey(host, key)}\n`)).join('')

const reaching = ({ name, ssh }: Host): string[] => {
  const lines: string[] = []
  if (ssh.user !== undefined) lines.push(`User ${plain({ name }, 'user', ssh.user, /^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$/)}`)
  if (ssh.port !== undefined) lines.push(`Port ${plain({ name }, 'port', String(ssh.port), /^[1-9][0-9]{0,4}$/)}`)
  // Without IdentitiesOnly the keys of an agent are offered first, and sshd counts them.
  if (ssh.identityFile !== undefined) lines.push(`IdentityFile ${path(name, ssh.identityFile)}`, 'IdentitiesOnly yes')
  return lines
}

// Keys of the inventory replace every other source of trust; else what the person knows already counts as well.
const trusting = (host: Host, { knownHosts, pinned }: ConfigFiles): string[] =>
  host.ssh.hostKeys.length > 0
    ? [
        `HostKeyAlias ${alias(host)}`,
        `UserKnownHostsFile ${path(host.name, pinned)}`,
        'GlobalKnownHostsFile /dev/null',
        'VerifyHostKeyDNS no',
        'UpdateHostKeys no',
      ]
    : [`UserKnownHostsFile ${path(host.name, knownHosts)} ~/.ssh/known_hosts ~/.ssh/known_hosts2`]

const alias = (host: Host): string => plain(host, 'name', host.name, /^[A-Za-z0-9][A-Za-z0-9._-]*$/)

const publicKey = (host: Host, key: string): string => {
  const found = /^([a-z][A-Za-z0-9@.-]+ [A-Za-z0-9+/]+={0,2})(?: [^\p{Cc}]*)?$/u.exec(key)
  if (found?.[1] === undefined) throw refused(host.name, 'a host key', key)
  return found[1]
}

const plain = ({ name }: { name: string }, what: string, value: string, allowed: RegExp): string => {
  if (!allowed.test(value)) throw refused(name, `the ${what}`, value)
  return value
}

// Older versions know no escapes within quotes; `${` would be taken for an environment variable, `%` for a token.
const path = (host: string, value: string): string => {
  if (!value.startsWith('/') || /["\\\p{Cc}]|\$\{/u.test(value)) throw refused(host, 'a path', value)
  return `"${value.replaceAll('%', '%%')}"`
}

const refused = (host: string, what: string, value: string): InventoryError =>
  new InventoryError(`${what} cannot be used for ssh: ${JSON.stringify(value)}`, { host })
