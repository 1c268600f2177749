import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
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
  const own = config === undefined ? [] : ['-F', config]
  try {
    const args = [...own, ...settings.flatMap((one) => ['-o', one]), '-T', '--', address, ':']
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
