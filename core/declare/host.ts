/** What a host says about itself. Facts shape that host's own resources; they never reach another host's. */
export type Facts = Readonly<{
  /** Debian's name of the architecture: `amd64`, `arm64`. */
  arch: string
  /** From /etc/os-release: `debian`, `ubuntu`; `12`, `22.04`; `bookworm`, `jammy`. */
  os: Readonly<{ id: string; version: string; codename: string }>
  /** `uname -r` */
  kernel: string
  /** The major version of systemd. */
  systemd: number
  cpus: number
  /** MiB of memory. */
  memory: number
  /** 1 or 2. */
  cgroup: 1 | 2
  /** Whether systemd-resolved is installed. */
  resolved: boolean
  /** The interface that holds the host's private address, and its MTU in bytes; undefined where no interface has it. */
  privateInterface: string | undefined
  privateMtu: number | undefined
  /** The interface of the default route. */
  publicInterface: string | undefined
}>

/** One machine of the inventory, without facts: what roles may know of other hosts. */
export type Host = Readonly<{
  name: string
  /** What we connect to: an address, a name, or an alias of the person's ssh configuration. */
  address: string
  privateIp: string
  /** The host's place in a stateful job; given once and never renumbered. */
  slot: number | undefined
  groups: readonly string[]
  ssh: SshSettings
  /** Vars per role, merged: all < group < host < command line. Not yet checked by the role's schema. */
  vars: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}>

/** How a host is reached. What is undefined is left to the person's own ssh configuration. */
export type SshSettings = Readonly<{
  user: string | undefined
  port: number | undefined
  /** Absolute. */
  identityFile: string | undefined
  /** Public host keys as in a known_hosts line without the names, such as `ssh-ed25519 AAAA…`; empty: not pinned. */
  hostKeys: readonly string[]
  /** Absolute path of a file (0600) whose first line is the password of sudo, for people without a terminal. */
  sudoPasswordFile: string | undefined
}>

/** A host with its facts, as its own roles see it. */
export type HostWithFacts = Host & Readonly<{ facts: Facts }>

/** What holds for the whole cluster. */
export type Cluster = Readonly<{
  name: string
  /** A DNS label. */
  datacenter: string
  /** The private network, such as `10.33.0.0/16`. */
  network: string
  /** Where pages and APIs listen: privately, or also publicly for the management addresses of a firewall. */
  expose: 'private' | 'management'
  /** `external`: a firewall that is none of Caravan's guards the public addresses. */
  firewall?: 'external' | undefined
}>

/** The name under which plays address this computer: for resources behind a vendor's API. No host may have it. */
export const CONTROLLER = 'controller'

/** This computer, as a host that is never connected to. */
export const controllerHost: Host = Object.freeze({
  name: CONTROLLER,
  address: 'localhost',
  privateIp: '127.0.0.1',
  slot: undefined,
  groups: [],
  ssh: { user: undefined, port: undefined, identityFile: undefined, hostKeys: [], sudoPasswordFile: undefined },
  vars: {},
})
