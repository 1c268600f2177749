import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ConnectError } from '../errors.ts'
import { notConnected } from './diagnose.ts'

const execute = promisify(execFile)

/** A public host key; `${type} ${key}` is how the inventory's `hostKeys` hold it. */
export type HostKey = Readonly<{
  /** `ssh-ed25519` */
  type: string
  /** Base64. */
  key: string
  /** `SHA256:…`, as ssh shows it. */
  fingerprint: string
}>

/**
 * The host key that a machine shows now, whoever it is: compare the fingerprint before it is trusted. Asked through
 * ssh rather than ssh-keyscan, so aliases and jump hosts of the person's configuration work. No login takes place.
 * @param config a configuration for `ssh -F`. Default: the person's own.
 * @throws ConnectError when the machine cannot be reached.
 */
export const scanHostKeys = async (address: string, port?: number, config?: string): Promise<readonly HostKey[]> => {
  const directory = await mkdtemp(join(tmpdir(), 'caravan-keys-'))
  const file = join(directory, 'known_hosts')
  const settings = [
    ...['BatchMode=yes', 'StrictHostKeyChecking=accept-new', `UserKnownHostsFile="${file}"`],
    ...['GlobalKnownHostsFile=/dev/null', 'HashKnownHosts=no', 'HostKeyAlias=scanned'],
    ...['ControlPath=none', 'ConnectTimeout=10', 'PreferredAuthentications=none', 'LogLevel=INFO'],
    ...(port === undefined ? [] : [`Port=${port}`]),
  ]
  const file_ = config === undefined ? [] : ['-F', config]
  try {
    const args = [...file_, ...settings.flatMap((one) => ['-o', one]), '-T', '--', address, ':']
    const stderr = await execute('ssh', args, { timeout: 30_000 }).then(
      () => '',
      (error: { stderr?: string }) => error.stderr ?? String(error),
    )
    const keys = await readFile(file, 'utf8').catch(() => '')
    if (keys === '') throw notConnected(stderr, { name: address, address, pinned: false, identityFile: undefined })
    return keys.trimEnd().split('\n').map(hostKey)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const hostKey = (line: string): HostKey => {
  const [, type = '', key = ''] = line.split(' ')
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64')
  return { type, key, fingerprint: `SHA256:${digest.replace(/=+$/, '')}` }
}

/** Whether any host key of an address is known: `accept-new` alone would accept a new one of another type. */
export const isKnown = async (config: string, address: string, knownHosts: string): Promise<boolean> => {
  const { stdout } = await execute('ssh', ['-G', '-F', config, '--', address]).catch((error: { stderr?: string }) => {
    throw new ConnectError('ssh refuses its configuration', { detail: error.stderr?.trim() })
  })
  const value = (key: string) => new RegExp(`^${key} (.+)$`, 'm').exec(stdout)?.[1]
  const [name = address, port = '22'] = [value('hostname'), value('port')]
  const shown = value('hostkeyalias') ?? (port === '22' ? name : `[${name}]:${port}`)
  const own = join(homedir(), '.ssh', 'known_hosts')
  const files = [knownHosts, own, `${own}2`, '/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2']
  const found = await Promise.all(
    files.map((file) =>
      execute('ssh-keygen', ['-F', shown, '-f', file]).then(
        () => true,
        () => false,
      ),
    ),
  )
  return found.includes(true)
}
