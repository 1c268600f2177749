/** The key that signs the lab's releases, where HashiCorp has its own. Made once for all labs of this computer. */
import { readFile, writeFile } from 'node:fs/promises'
import { createMessage, generateKey, type PrivateKey, readPrivateKey, sign } from 'openpgp'

/** Writes a new key into a file that only its owner may read. */
export async function makeKey(file: string): Promise<void> {
  const { privateKey } = await generateKey({ userIDs: [{ name: 'The lab of Caravan' }], format: 'armored' })
  await writeFile(file, privateKey, { mode: 0o600 })
}

export async function readKey(file: string): Promise<PrivateKey> {
  return readPrivateKey({ armoredKey: await readFile(file, 'utf8') })
}

/** In capitals, as the inventory's `downloads.keys` has it. */
export function fingerprintOf(key: PrivateKey): string {
  return key.getFingerprint().toUpperCase()
}

/** A detached signature, in bytes, as HashiCorp's `.sig` files are. */
export async function signature(key: PrivateKey, content: Uint8Array): Promise<Uint8Array> {
  const message = await createMessage({ binary: content })
  return sign({ message, signingKeys: key, detached: true, format: 'binary' }) as Promise<Uint8Array>
}
