import { crc32, inflateRawSync } from 'node:zlib'

/** A regular file in an archive. */
export type ZipEntry = Readonly<{
  /** As it is written there, with `/` between its parts. */
  name: string
  /** Its bytes. @throws RangeError when they are not what the archive says. */
  read: () => Buffer
}>

// Source: PKWARE APPNOTE.TXT 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (its end), 4.5.3 (zip64)
const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50
const END = 0x06054b50

/**
 * The regular files in a zip archive. Node.js can inflate, and this is all that is missing to read the archives of
 * releases; encrypted, split and zip64 ones are refused, and so are links.
 * @throws RangeError that says why it is no such archive.
 */
export const zipEntries = (archive: Buffer): readonly ZipEntry[] => {
  const end = endOf(archive)
  const [count, size, start] = [
    archive.readUInt16LE(end + 10),
    archive.readUInt32LE(end + 12),
    archive.readUInt32LE(end + 16),
  ]
  if (count === 0xffff || start === 0xffffffff) throw new RangeError('it is a zip64 archive, which cannot be read here')
  if (start + size > end) throw new RangeError('it is cut off')
  const entries: ZipEntry[] = []
  let at = start
  for (let index = 0; index < count; index++) {
    const { entry, next } = entryAt(archive, at)
    if (entry !== undefined) entries.push(entry)
    at = next
  }
  return entries
}

// The end has a comment of up to 64 KiB behind it.
const endOf = (archive: Buffer): number => {
  for (let at = archive.length - 22; at >= Math.max(0, archive.length - 22 - 0xffff); at--)
    if (archive.readUInt32LE(at) === END) return at
  throw new RangeError('it is no zip archive, or cut off')
}

const entryAt = (archive: Buffer, at: number) => {
  if (archive.readUInt32LE(at) !== CENTRAL) throw new RangeError('its directory is damaged')
  const u16 = (offset: number): number => archive.readUInt16LE(at + offset)
  const u32 = (offset: number): number => archive.readUInt32LE(at + offset)
  const [flags, method, crc, packed, size] = [u16(8), u16(10), u32(16), u32(20), u32(24)]
  const [nameLength, extra, comment, local] = [u16(28), u16(30), u16(32), u32(42)]
  const name = archive.toString('utf8', at + 46, at + 46 + nameLength)
  const next = at + 46 + nameLength + extra + comment
  if (name.endsWith('/')) return { next, entry: undefined }
  // made on Unix, the upper half of the attributes is st_mode; Source: inode(7)
  const kind = u16(4) >> 8 === 3 ? (u32(38) >>> 16) & 0xf000 : 0
  if (kind !== 0 && kind !== 0x8000) throw new RangeError(`${name} in it is no regular file`)
  if ((flags & 1) !== 0) throw new RangeError(`${name} in it is encrypted`)
  const read = (): Buffer => unpack(archive, { name, method, crc, packed, size, local })
  return { next, entry: { name, read } }
}

type Packed = Readonly<{ name: string; method: number; crc: number; packed: number; size: number; local: number }>

const unpack = (archive: Buffer, { name, method, crc, packed, size, local }: Packed): Buffer => {
  if (archive.readUInt32LE(local) !== LOCAL) throw new RangeError(`the header of ${name} is damaged`)
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
  const bytes = archive.subarray(start, start + packed)
  if (method !== 0 && method !== 8)
    throw new RangeError(`${name} is packed by method ${method}, which is not known here`)
  const content = method === 0 ? Buffer.from(bytes) : inflate(name, bytes, size)
  if (content.length !== size || crc32(content) !== crc) throw new RangeError(`${name} is damaged`)
  return content
}

// More than it says is an error and not a full memory.
const inflate = (name: string, bytes: Buffer, size: number): Buffer => {
  try {
    return inflateRawSync(bytes, { maxOutputLength: Math.max(size, 1) })
  } catch {
    throw new RangeError(`${name} is damaged`)
  }
}
