import { createHash } from 'node:crypto'

const ARMOR = /^-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(.*?)\r?\n-----END PGP PUBLIC KEY BLOCK-----$/ms

/** Whether it is text and not bytes. */
export const isArmored = (key: Uint8Array): boolean => /-----BEGIN PGP /.test(Buffer.from(key).toString('latin1'))

/**
 * The fingerprints of all primary keys in a keyring, in capitals; all of them are trusted by whoever uses it.
 * Source: RFC 4880 4.2, 5.5 and 12.2; RFC 9580 5.5.4; base64 armor: RFC 4880 6.2
 * @throws TypeError that says why it is no keyring of public keys.
 */
export const fingerprintsOf = (key: Uint8Array): readonly string[] => {
  const found: string[] = []
  for (const { tag, body } of packetsOf(isArmored(key) ? dearmor(Buffer.from(key).toString('latin1')) : key)) {
    if (tag === 5 || tag === 7) throw new TypeError('it holds a private key')
    if (tag === 6) found.push(fingerprintOf(body))
    else if (found.length === 0) throw new TypeError('it does not begin with a public key')
  }
  return found.length > 0 ? found : refuse('it is empty')
}

const refuse = (why: string): never => {
  throw new TypeError(why)
}

const dearmor = (text: string): Uint8Array => {
  const blocks = text.match(/^-----BEGIN /gm)?.length
  const lines = ARMOR.exec(text.trim())?.[1]?.split(/\r?\n/) ?? refuse('its armor is not that of one public key block')
  if (blocks !== 1) refuse('it holds several blocks of armor')
  // headers such as `Version: 1` end with an empty line; the checksum begins with =
  const body = lines.slice(lines.findIndex((line) => line.trim() === '') + 1)
  const base64 = body.filter((line) => !/^=[A-Za-z0-9+/]{4}$/.test(line.trim())).join('')
  if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(base64)) refuse('its armor is not base64')
  return Buffer.from(base64, 'base64')
}

type Packet = Readonly<{ tag: number; body: Buffer }>

const packetsOf = (bytes: Uint8Array): readonly Packet[] => {
  const packets: Packet[] = []
  let rest = Buffer.from(bytes)
  while (rest.length > 0) {
    const { tag, header, length } = headerOf(rest)
    if (rest.length < header + length) refuse('it is cut off')
    packets.push({ tag, body: rest.subarray(header, header + length) })
    rest = rest.subarray(header + length)
  }
  return packets
}

/** Bytes of the header and of the body. */
const headerOf = (bytes: Buffer): Readonly<{ tag: number; header: number; length: number }> => {
  const first = bytes[0] ?? 0
  const at = (index: number): number => bytes[index] ?? refuse('it is cut off')
  const number = (size: number): number => (bytes.length > size ? bytes.readUIntBE(1, size) : refuse('it is cut off'))
  if ((first & 0x80) === 0) return refuse('it is no OpenPGP key')
  if ((first & 0x40) === 0) {
    const size = [1, 2, 4][first & 3] ?? refuse('a packet in it has no length')
    return { tag: (first >> 2) & 15, header: 1 + size, length: number(size) }
  }
  const tag = first & 63
  const second = at(1)
  if (second < 192) return { tag, header: 2, length: second }
  if (second < 224) return { tag, header: 3, length: ((second - 192) << 8) + at(2) + 192 }
  if (second < 255) return refuse('a packet in it has no length')
  return bytes.length < 6 ? refuse('it is cut off') : { tag, header: 6, length: bytes.readUInt32BE(2) }
}

const fingerprintOf = (body: Buffer): string => {
  const version = body[0]
  if (version === 4) return digest('sha1', Buffer.from([0x99, body.length >> 8, body.length & 255]), body)
  if (version !== 6) return refuse(`a key in it has version ${version}, and only 4 and 6 are known`)
  const length = Buffer.alloc(5, 0x9b)
  length.writeUInt32BE(body.length, 1)
  return digest('sha256', length, body)
}

const digest = (algorithm: string, prefix: Buffer, body: Buffer): string =>
  createHash(algorithm).update(prefix).update(body).digest('hex').toUpperCase()
