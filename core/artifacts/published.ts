import { CaravanError } from '../errors.ts'
import { get, isHtml, reasonOf } from './fetched.ts'

/** A small file of a publisher: sums, a signature or a key. */
export type Published = Readonly<{ url: string; content: Buffer }>

/** There is no such file. */
export class NotPublished extends CaravanError {}

// Sums of one version have some kB, keyrings some ten.
const LIMIT = 1024 ** 2
const SECONDS = 60

/**
 * Reads a file of a publisher. `what` it should be is for messages, such as `the sums of nomad 1.10.5`.
 * @throws NotPublished for a 404; CaravanError for all else, with the URL, what was expected, what came, what to do.
 */
export const readPublished = async (url: string, what: string): Promise<Published> => {
  const failed = (reason: string, hint: string) => new CaravanError(`${url} should be ${what}, but ${reason}`, { hint })
  const response = await get(url, SECONDS).catch((error: unknown) => {
    throw failed(`it could not be read: ${said(error)}`, REACH)
  })
  if (response.status === 404)
    throw new NotPublished(`${url} should be ${what}, but the server answered 404: there is no such file`, {
      hint: 'is there such a version? compare with its publisher, or with what your mirror holds',
    })
  if (!response.ok) throw failed(`the server answered ${response.status} ${response.statusText}`.trim(), REACH)
  const content = await bytesOf(response).catch((error: unknown) => {
    throw failed(`it could not be read: ${said(error)}`, REACH)
  })
  if (isHtml(content.toString('latin1', 0, 256)))
    throw failed(`an HTML page of ${content.length} bytes came`, `is a portal or proxy in between? open ${url}`)
  return { url, content }
}

const REACH = 'does this computer reach it? downloads.mirror in the inventory names another place'

const said = (error: unknown): string =>
  error instanceof Error && error.name === 'TimeoutError' ? `not within ${SECONDS} s` : reasonOf(error)

const bytesOf = async ({ body }: Awaited<ReturnType<typeof get>>): Promise<Buffer> => {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of body ?? []) {
    size += piece.length
    if (size > LIMIT) throw new Error('it is over 1 MiB')
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
