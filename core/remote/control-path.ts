import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { CaravanError } from '../errors.ts'

// A Unix socket's path has 104 bytes on macOS and 108 on Linux, one of them NUL; ssh binds it with a suffix of 17.
const LONGEST = 104 - 1 - 17
const NAME = 16

/**
 * A directory (0700, ours) for control sockets that is short enough for them.
 * @throws CaravanError when it cannot be trusted.
 */
export const controlDirectory = (env: NodeJS.ProcessEnv = process.env): string => {
  const cache = env.XDG_CACHE_HOME
  const wanted = join(cache?.startsWith('/') ? cache : join(homedir(), '.cache'), 'caravan', 'ssh')
  const fits = Buffer.byteLength(wanted) + 1 + NAME <= LONGEST
  return privateDirectory(fits ? wanted : join(tmpdir(), `caravan-${process.getuid?.() ?? 0}`))
}

/** Makes sure that a directory is there, ours, no link, and closed to others. @throws CaravanError */
export const privateDirectory = (path: string): string => {
  attempt(`cannot make ${path}`, () => mkdirSync(path, { recursive: true, mode: 0o700 }))
  const found = lstatSync(path)
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new CaravanError(`${path} is a link, belongs to somebody else, or is open to others`, {
      hint: `rm -r ${path}`,
    })
  }
  return path
}

/** Does something with files of ours. @throws CaravanError that starts with `what`, for a full disk or a lack of rights. */
export const attempt = <Result>(what: string, work: () => Result): Result => {
  try {
    return work()
  } catch (error) {
    throw new CaravanError(`${what}: ${(error as Error).message}`)
  }
}

/** A short name that changes with everything that decides whom we trust: no two trusts ever share a connection. */
export const shortHash = (trust: unknown): string =>
  createHash('sha256').update(JSON.stringify(trust)).digest('hex').slice(0, NAME)

/** Whether something listens on this socket. Far cheaper than asking ssh. */
export const isListening = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
