import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Duplex } from 'node:stream'
import type { Host } from '../declare/host.ts'
import { CaravanError } from '../errors.ts'
import { type Connection, sshConnection } from './connection.ts'
import { attempt, controlDirectory, privateDirectory, shortHash } from './control-path.ts'
import { dial } from './dial.ts'
import type { Route } from './over-ssh.ts'
import { pinnedKeys, sshConfig } from './ssh-config.ts'
import type { Transport } from './transport.ts'

/** The hosts of an inventory, reached by OpenSSH. */
export type Fleet = Readonly<{
  /** The same one for a host each time. Its first script connects by itself. */
  transport: (host: Host) => Transport
  /**
   * Opens the connection, or finds it open, and makes sure that we become root, without asking anything.
   * @throws ConnectError; its `askable` tells whether a person at a terminal could mend it.
   */
  connect: (host: Host) => Promise<void>
  /**
   * Opens it with the person's terminal: OpenSSH itself asks for host key, passphrase, FIDO touch and password, the
   * callback for sudo's. One host at a time, and nothing else may write to the terminal then. @throws ConnectError
   */
  ask: (host: Host) => Promise<void>
  /** A connection to a TCP port on the loopback of a host. See `dial`. */
  dial: (host: Host, port: number) => Duplex
  /** Ends scripts that still run. Connections stay open for 10 minutes, for the next run. */
  close: () => Promise<void>
}>

export type FleetOptions = Readonly<{
  /** Where known_hosts and the generated configuration live, such as `.caravan`. */
  dir: string
  /** Accept and record the key of a host of which none is known. A changed key is refused all the same. */
  acceptNewHostKeys: boolean
  /** Asks for a password, without an echo. */
  askPassword?: (question: string) => Promise<string>
  /** The person's own configuration. Default: ~/.ssh/config and /etc/ssh/ssh_config. */
  ownConfig?: readonly string[]
}>

/**
 * Reaches the hosts of an inventory.
 * @throws InventoryError when a value of a host cannot be written to an ssh configuration; CaravanError when `dir` or
 * the cache directory cannot be written or trusted.
 */
export const sshFleet = (hosts: readonly Host[], options: FleetOptions): Fleet => {
  const dir = resolve(options.dir)
  const own = options.ownConfig ?? ['~/.ssh/config', '/etc/ssh/ssh_config']
  const sockets = controlDirectory()
  // An edited ssh configuration may lead elsewhere: the connection of before is not used then.
  const ownTexts = own.map((path) => textOf(path.replace(/^~/, homedir())))
  const socket = ({ address, ssh }: Host) => join(sockets, shortHash([dir, address, ssh, own, ownTexts]))

  const knownHosts = join(dir, 'known_hosts')
  const store = contentStore(join(dir, 'ssh'))
  const pinned = store('pinned', pinnedKeys(hosts))
  const config = store('config', sshConfig(hosts, { knownHosts, pinned, own }, socket))

  // ssh takes no host for new of which it knows a key, even of another type.
  const hostKeys = ({ ssh }: Host) => (options.acceptNewHostKeys && ssh.hostKeys.length === 0 ? 'accept-new' : 'refuse')
  const routeOf = (host: Host): Route => ({ host, config, hostKeys: hostKeys(host) })
  const connections = new Map<string, Connection>(
    hosts.map((host) => [
      host.name,
      sshConnection({
        route: routeOf(host),
        socket: socket(host),
        askPassword: options.askPassword,
      }),
    ]),
  )
  const of = ({ name }: Host): Connection => {
    const connection = connections.get(name)
    if (connection === undefined) throw new CaravanError(`${name} is not a host of this inventory`)
    return connection
  }
  let terminal: Promise<void> = Promise.resolve()
  return {
    transport: (host) => of(host).transport,
    connect: (host) => of(host).connect(),
    ask: (host) => {
      const asked = terminal.then(() => of(host).ask())
      terminal = asked.catch(() => undefined)
      return asked
    },
    dial: (host, port) => dial(routeOf(host), port),
    close: async () => {
      await Promise.all([...connections.values()].map(({ transport }) => transport.close()))
    },
  }
}

// What cannot be read is ssh's to complain about.
const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

// Named by their content: a run with another inventory beside this one has files of its own.
const contentStore =
  (directory: string) =>
  (name: string, content: string): string => {
    const path = join(privateDirectory(directory), `${name}-${shortHash(content)}`)
    if (textOf(path) === content) return path
    attempt(`cannot write ${path}`, () => {
      writeFileSync(`${path}.${process.pid}`, content, { mode: 0o600 })
      renameSync(`${path}.${process.pid}`, path)
    })
    return path
  }
