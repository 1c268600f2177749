import { ApplyError } from '../errors.ts'
import { zipEntries } from './zip.ts'

/** What of an artifact is to be installed. */
export type Selection = Readonly<{
  url: string
  format: 'zip' | 'bare'
  member: string | undefined
  strip: number
}>

/** The name below the destination; empty for a single file. */
export type SelectedFile = Readonly<{ name: string; content: Uint8Array }>

/**
 * The files of an artifact that are to be installed, one after the other, so that not all are in memory at once.
 * @throws ApplyError that names the URL, and what the archive holds instead.
 */
export function* filesOf(content: Buffer, { url, format, member, strip }: Selection): Generator<SelectedFile> {
  if (format === 'bare') return yield { name: '', content }
  try {
    const entries = zipEntries(content)
    if (member !== undefined) {
      const found = entries.find(({ name }) => name === member)
      if (found === undefined)
        throw new ApplyError(
          `${url} holds no file ${member}; it holds ${entries
            .map(({ name }) => name)
            .sort()
            .slice(0, 10)
            .join(' ')}`,
        )
      return yield { name: '', content: found.read() }
    }
    let count = 0
    for (const entry of entries) {
      const parts = entry.name.split('/')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
      if (parts.some((part) => ['', '.', '..'].includes(part)) || /[\0-\x1f\x7f]/.test(entry.name))
        throw new ApplyError(`${url} holds a file with an impossible name`)
      const name = parts.slice(strip).join('/')
      if (name === '') continue
      yield { name, content: entry.read() }
      count++
    }
    if (count === 0)
      throw new ApplyError(`${url} holds no file ${strip === 0 ? 'at all' : `below ${strip} directories`}`)
  } catch (error) {
    if (error instanceof RangeError) throw new ApplyError(`${url} is no zip archive that can be read: ${error.message}`)
    throw error
  }
}
