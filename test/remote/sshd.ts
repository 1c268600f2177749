import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const SSHD = '/usr/sbin/sshd'

/** Why no sshd can be started here; undefined: it can. */
export const noSshd = existsSync(SSHD) ? undefined : `${SSHD} is not installed`

/** A private sshd on the loopback for one test file: the current user may log in with `key`. */
export type Sshd = Readonly<{
  directory: string
  port: number
  user: string
  key: string
  /** The host key, as in the inventory's `hostKeys`. */
  hostKey: string
  /** How often somebody was let in. */
  logins: () => number
  stop: () => Promise<void>
}>

export type SshdOptions = Readonly<{
  /** Default: `ed25519`. */
  hostKeyType?: string
  /** Lines of sshd_config. */
  config?: readonly string[]
  /** Default: a free one. */
  port?: number
}>

export const newKey = (path: string, type = 'ed25519'): string => {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', path])
  return readFileSync(`${path}.pub`, 'utf8').trim()
}

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

export const startSshd = async (options: SshdOptions = {}): Promise<Sshd> => {
  const directory = mkdtempSync(join(tmpdir(), 'caravan-sshd-'))
  const port = options.port ?? (await freePort())
  const path = (name: string) => join(directory, name)
  const hostKey = newKey(path('host'), options.hostKeyType)
  writeFileSync(path('authorized_keys'), newKey(path('key')))
  const { username, uid } = userInfo()
  // sshd of root insists on it; the service would make it.
  if (uid === 0) mkdirSync('/run/sshd', { recursive: true })
  const lines = [
    ...[`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${path('host')}`, 'PidFile none', 'LogLevel INFO'],
    ...[`AuthorizedKeysFile ${path('authorized_keys')}`, 'StrictModes no', 'UsePAM no', 'MaxStartups 100'],
    ...['PasswordAuthentication no', 'PermitRootLogin yes', 'MaxSessions 100', ...asRoot(directory, uid)],
    ...(options.config ?? []),
  ]
  writeFileSync(path('sshd_config'), `${lines.join('\n')}\n`)
  const sshd = spawn(SSHD, ['-D', '-f', path('sshd_config'), '-E', path('log')], { stdio: 'ignore' })
  await listening(port, sshd)
  return {
    ...{ directory, port, user: username, key: path('key'), hostKey },
    logins: () => readFileSync(path('log'), 'utf8').split('Accepted ').length - 1,
    stop: async () => {
      sshd.kill('SIGTERM')
      await once(sshd, 'exit')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

// A bash that is not the first one reads no .bashrc, in which whoever runs the tests may have anything. Source: bash(1),
// "Invocation", and its run_startup_files
const NO_BASHRC = 'SetEnv SHLVL=1'

// Who is not root here gets a sudo that makes nobody root, so that scripts run. Of several SetEnv sshd takes the first.
const asRoot = (directory: string, uid: number): string[] => {
  if (uid === 0) return [NO_BASHRC]
  mkdirSync(join(directory, 'bin'))
  const sudo = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n'
  writeFileSync(join(directory, 'bin', 'sudo'), sudo, { mode: 0o755 })
  return [`${NO_BASHRC} PATH=${join(directory, 'bin')}:/usr/local/bin:/usr/bin:/bin`]
}

const listening = async (port: number, sshd: ChildProcess): Promise<void> => {
  for (let tries = 0; tries < 100; tries++) {
    if (sshd.exitCode !== null) throw new Error(`sshd ended with ${sshd.exitCode}`)
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    await sleep(50)
  }
  throw new Error('sshd does not listen')
}
