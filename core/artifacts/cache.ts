import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { ApplyError } from '../errors.ts'
import { get, isHtml, reasonOf } from './fetched.ts'

/** A file on the network, and the only content that it may have. */
export type Pinned = Readonly<{
  url: string
  /** Hex. */
  sha256: string
  /** Seconds until the download is given up. */
  deadline: number
}>

// Bytes; Nomad and Consul have 50 to 120 MB.
const LIMIT = 1024 ** 3

// Hosts are applied at the same time, and the first of them downloads for all.
const underWay = new Map<string, Promise<Buffer>>()

/**
 * The content of a pinned file, from `${XDG_CACHE_HOME:-~/.cache}/caravan/artifacts/<sha256>` or else from the network;
 * it is checked each time.
 * @throws ApplyError that names the URL, what was expected and what came.
 */
export const obtain = (pinned: Pinned): Promise<Buffer> => {
  const known = underWay.get(pinned.sha256)
  if (known !== undefined) return known
  const content = cached(pinned).finally(() => underWay.delete(pinned.sha256))
  underWay.set(pinned.sha256, content)
  return content
}

// Source: XDG Base Directory Specification, "paths must be absolute"
const directory = (): string => {
  const { XDG_CACHE_HOME: xdg = '' } = process.env
  return join(isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'caravan/artifacts')
}

const cached = async (pinned: Pinned): Promise<Buffer> => {
  const path = join(directory(), pinned.sha256)
  const content = await readFile(path).catch(() => undefined)
  if (content !== undefined && hash(content) === pinned.sha256) return content
  await mkdir(directory(), { recursive: true })
  await download(pinned, path)
  return readFile(path)
}

const hash = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex')

// Under its final name there is only what has the right sum.
const download = async ({ url, sha256, deadline }: Pinned, path: string): Promise<void> => {
  const part = `${path}.${randomBytes(6).toString('hex')}.part`
  try {
    const response = await get(url, deadline)
    if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trim())
    const got = await writeTo(part, response)
    if (got.sha256 !== sha256) throw new ApplyError(mismatch(url, sha256, got), HINT)
    await rename(part, path)
  } catch (error) {
    if (error instanceof ApplyError) throw error
    const timedOut = error instanceof Error && error.name === 'TimeoutError'
    throw new ApplyError(`${url} could not be downloaded: ${timedOut ? `not within ${deadline} s` : reasonOf(error)}`)
  } finally {
    await rm(part, { force: true })
  }
}

const HINT = {
  hint: 'compare the sum with the one that its publisher names; was the file replaced, or is this a portal?',
}

type Got = Readonly<{ sha256: string; size: number; head: string }>

const writeTo = async (path: string, { body }: Awaited<ReturnType<typeof get>>): Promise<Got> => {
  const file = await open(path, 'wx', 0o600)
  const sum = createHash('sha256')
  let [size, head] = [0, '']
  try {
    for await (const piece of body ?? []) {
      size += piece.length
      if (size > LIMIT) throw new Error('it is over 1 GiB')
      if (head.length < 256) head += Buffer.from(piece).toString('latin1', 0, 256)
      sum.update(piece)
      await file.write(piece)
    }
  } finally {
    await file.close()
  }
  return { sha256: sum.digest('hex'), size, head }
}

/** The same words as the host has in `artifact-script.ts`. */
const mismatch = (url: string, expected: string, { sha256, size, head }: Got): string => {
  const html = isHtml(head) ? ', an HTML page' : ''
  return `${url} is not what was pinned: expected sha256 ${expected}, got ${sha256} (${size} bytes${html})`
}
