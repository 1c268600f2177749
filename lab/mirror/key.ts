/** The key that signs the lab's releases, where HashiCorp has its own. Made once for all labs of this computer. */
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createMessage, generateKey, type PrivateKey, readPrivateKey, sign } from 'openpgp'

/** Reads the key from a file, or makes it. */
export async function signingKey(file: string): Promise<PrivateKey> {
  const armoredKey = (await readFile(file, 'utf8').catch(() => undefined)) ?? (await makeKey(file))
  return readPrivateKey({ armoredKey })
}

async function makeKey(file: string): Promise<string> {
  const { privateKey } = await generateKey({ userIDs: [{ name: 'The lab of Caravan' }], format: 'armored' })
  await mkdir(dirname(file), { recursive: true })
  await writeFile(`${file}.new`, privateKey, { mode: 0o600 })
  await chmod(`${file}.new`, 0o600)
  await rename(`${file}.new`, file)
  return privateKey
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
