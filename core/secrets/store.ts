import { readFile } from 'node:fs/promises'
import { armor, Decrypter, Encrypter } from 'age-encryption'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import { CaravanError } from '../errors.ts'
import { writeWhole } from '../write-whole.ts'
import type { StoredValue } from './kinds.ts'

/** What opens the file and what it is written for again: identities, or a passphrase. */
export type Lock =
  | Readonly<{ kind: 'identities'; identities: readonly string[] }>
  | Readonly<{ kind: 'passphrase'; passphrase: string }>

/** What `secrets.age` holds. */
export type Store = Readonly<{
  /** Whom it is encrypted to, such as `age1…`; with a passphrase none. */
  recipients: readonly string[]
  secrets: Readonly<Record<string, StoredValue>>
}>

const schema = z.strictObject({
  recipients: z.array(z.string().regex(/^age1[0-9a-z]+$/)),
  secrets: z.record(
    z.string().regex(/^[a-z][a-z0-9-]*$/),
    z.union([z.string(), z.strictObject({ certificate: z.string(), key: z.string() })]),
  ),
})

/** What an age file is encrypted for, as far as can be told without opening it; undefined: it is no age file. */
export const lockOf = (content: Uint8Array): Lock['kind'] | undefined => {
  try {
    const header = Buffer.from(binary(content)).toString('latin1', 0, 4096)
    if (!header.startsWith('age-encryption.org/v1\n')) return undefined
    return /^-> scrypt /m.test(header) ? 'passphrase' : 'identities'
  } catch {
    return undefined
  }
}

const binary = (content: Uint8Array): Uint8Array => {
  const text = Buffer.from(content).toString('latin1')
  return text.trimStart().startsWith('-----BEGIN AGE') ? armor.decode(text) : content
}

/** The bytes of the file; undefined: there is none. @throws CaravanError when it cannot be read. */
export const readLocked = (path: string): Promise<Uint8Array | undefined> =>
  readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new CaravanError(`${path} cannot be read: ${error.code}`, { hint: `ls -l ${path}` })
  })

/** @throws CaravanError when the lock does not open it, or what is inside is no store; never with a value in it. */
export const unlock = async (path: string, content: Uint8Array, lock: Lock): Promise<Store> => {
  const decrypter = new Decrypter()
  if (lock.kind === 'passphrase') decrypter.addPassphrase(lock.passphrase)
  else for (const identity of lock.identities) decrypter.addIdentity(identity)
  const text = await decrypter.decrypt(binary(content), 'text').catch(() => {
    throw new CaravanError(
      `${path} cannot be opened: ${lock.kind === 'passphrase' ? 'the passphrase is another one' : 'it was encrypted for others, or is damaged'}`,
      {
        hint: 'CARAVAN_AGE_IDENTITY=/path/of/the/identity that it was made with; your colleagues or your backup have it',
      },
    )
  })
  return storeIn(path, text)
}

const storeIn = (path: string, text: string): Store => {
  const inside = `${path} can be opened, but what is inside is no store of secrets`
  const hint = 'npx zx playbooks/secrets.mjs edit'
  let data: unknown
  try {
    data = parse(text, { prettyErrors: false, logLevel: 'error' })
  } catch {
    // what a parser complains of it quotes
    throw new CaravanError(`${inside}: it is no YAML`, { hint })
  }
  const result = schema.safeParse(data)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new CaravanError(`${inside}: ${issue?.path.join('.') || 'the whole'} is not as it should be`, { hint })
}

/** The store as text, as `edit` shows it. */
export const storeText = (store: Store): string => stringify(store, { lineWidth: 0 })

/** Understands a text as `storeText` writes it. @throws CaravanError */
export const parseStore = (what: string, text: string): Store => storeIn(what, text)

/** Writes the file whole: until the new one is on the disk, the old one stays. */
export const writeStore = async (path: string, store: Store, lock: Lock): Promise<void> => {
  const encrypter = new Encrypter()
  if (lock.kind === 'passphrase') encrypter.setPassphrase(lock.passphrase)
  else for (const recipient of store.recipients) encrypter.addRecipient(recipient)
  const content = armor.encode(await encrypter.encrypt(storeText(store)))
  await writeWhole(path, `${content.trimEnd()}\n`, 0o600)
}
