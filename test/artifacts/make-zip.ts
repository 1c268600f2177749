import { crc32, deflateRawSync } from 'node:zlib'

export type Made = Readonly<{
  name: string
  content?: string | Uint8Array
  /** st_mode; default a regular file. */
  mode?: number
  /** 0: stored; 8: deflated. Default 8. */
  method?: number
  flags?: number
  /** What the archive claims, if that is not so. */
  size?: number
  crc?: number
}>

/** A zip archive, also one that lies. */
export const makeZip = (files: readonly Made[], comment = ''): Buffer => {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  let at = 0
  for (const { name, content = '', mode = 0o100644, method = 8, flags = 0, size, crc } of files) {
    const bytes = Buffer.from(content)
    const packed = method === 8 ? deflateRawSync(bytes) : bytes
    const head = Buffer.alloc(26)
    const fields = [20, flags, method, 0, 0]
    for (const [index, field] of fields.entries()) head.writeUInt16LE(field, index * 2)
    head.writeUInt32LE(crc ?? crc32(bytes), 10)
    head.writeUInt32LE(packed.length, 14)
    head.writeUInt32LE(size ?? bytes.length, 18)
    head.writeUInt16LE(Buffer.byteLength(name), 22)
    locals.push(Buffer.from('PK\x03\x04'), head, Buffer.from(name), packed)
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE((mode << 16) >>> 0, 6)
    tail.writeUInt32LE(at, 10)
    central.push(Buffer.from('PK\x01\x02\x14\x03'), head, tail, Buffer.from(name))
    at += 30 + Buffer.byteLength(name) + packed.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(files.length, 4)
  end.writeUInt16LE(files.length, 6)
  end.writeUInt32LE(directory.length, 8)
  end.writeUInt32LE(at, 12)
  end.writeUInt16LE(comment.length, 16)
  return Buffer.concat([...locals, directory, Buffer.from('PK\x05\x06'), end, Buffer.from(comment)])
}
