import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
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
 * The host key that a machine shows now, and whether the person's known hosts vouch for it. No login takes place.
 * @param config a configuration for `ssh -F`. Default: the person's own.
 * @throws ConnectError when the machine cannot be reached, or known hosts say that the key is another's.
 */
export const shownHostKey = async (
  address: string,
  port?: number,
  config?: string,
): Promise<Readonly<{ key: HostKey; known: boolean }>> => {
  const trusted = await trustedKey(address, port, config)
  const [key] = await scanHostKeys(address, port, config, trusted?.type)
  if (key === undefined || (trusted !== undefined && key.fingerprint !== trusted.fingerprint))
    throw new ConnectError('it shows one host key now and another then', {
      host: address,
      hint: 'is it one machine behind this address, or several?',
    })
  return { key, known: trusted !== undefined }
}

/**
 * The host key that a machine shows now, whoever it is: compare the fingerprint before it is trusted. Asked through
 * ssh rather than ssh-keyscan, so aliases and jump hosts of the person's configuration work. No login takes place.
 * @param config a configuration for `ssh -F`. Default: the person's own.
 * @param type the only type that is asked for. Default: what ssh prefers.
 * @throws ConnectError when the machine cannot be reached.
 */
export const scanHostKeys = async (
  address: string,
  port?: number,
  config?: string,
  type?: string,
): Promise<readonly HostKey[]> => {
  const directory = await mkdtemp(join(tmpdir(), 'caravan-keys-'))
  const file = join(directory, 'known_hosts')
  const settings = [
    ...['StrictHostKeyChecking=accept-new', `UserKnownHostsFile="${file}"`, 'GlobalKnownHostsFile=/dev/null'],
    ...['HashKnownHosts=no', 'HostKeyAlias=scanned', 'LogLevel=INFO'],
    ...(type === undefined ? [] : [`HostKeyAlgorithms=${type === 'ssh-rsa' ? 'rsa-sha2-512,rsa-sha2-256' : type}`]),
  ]
  try {
    const stderr = await knock(settings, address, port, config)
    const keys = await readFile(file, 'utf8').catch(() => '')
    if (keys === '') throw notConnected(stderr, peer(address))
    return keys.trimEnd().split('\n').map(hostKey)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The key that ssh takes for the machine's by all that the person's configuration trusts; undefined: none is known. */
const trustedKey = async (
  address: string,
  port?: number,
  config?: string,
): Promise<Pick<HostKey, 'type' | 'fingerprint'> | undefined> => {
  const told = await knock(['StrictHostKeyChecking=yes', 'LogLevel=DEBUG1'], address, port, config)
  const stderr = told.replaceAll(/^debug1: .*\r?\n/gm, '')
  // The first: what follows it may be the host's own words.
  const shown = /^debug1: Server host key: (\S+) (SHA256:\S+)/m.exec(told)
  const changed = /REMOTE HOST IDENTIFICATION HAS CHANGED|has been revoked/i.test(stderr)
  if (shown === null || changed) throw notConnected(stderr, peer(address))
  if (/No \S+ host key is known for|Host key verification failed/.test(stderr)) return undefined
  // A certificate vouches for the plain key within.
  return { type: (shown[1] ?? '').replace(/-cert-v\d+@openssh\.com$/, ''), fingerprint: shown[2] ?? '' }
}

/** What ssh says when it connects without logging in. */
const knock = (settings: readonly string[], address: string, port?: number, config?: string): Promise<string> => {
  const all = [
    ...['BatchMode=yes', 'ControlPath=none', 'ConnectTimeout=10', 'PreferredAuthentications=none', ...settings],
    ...(port === undefined ? [] : [`Port=${port}`]),
  ]
  const own = config === undefined ? [] : ['-F', config]
  const args = [...own, ...all.flatMap((one) => ['-o', one]), '-T', '--', address, ':']
  return execute('ssh', args, { timeout: 30_000 }).then(
    ({ stderr }) => stderr,
    (error: { stderr?: string }) => error.stderr ?? String(error),
  )
}

const peer = (address: string) => ({ name: address, address, pinned: false, identityFile: undefined })

const hostKey = (line: string): HostKey => {
  const [, type = '', key = ''] = line.split(' ')
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64')
  return { type, key, fingerprint: `SHA256:${digest.replace(/=+$/, '')}` }
}
