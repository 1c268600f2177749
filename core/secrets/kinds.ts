import { createPrivateKey, randomBytes, randomInt, randomUUID, X509Certificate } from 'node:crypto'
import type { SecretKind } from '../declare/means.ts'
import { makeAuthority, type StoredAuthority } from './authority.ts'

/** What is stored of a secret: text, or an authority for the kind `ca`. */
export type StoredValue = string | StoredAuthority

const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789'

/** Makes a new secret of a kind. */
export const makeSecret = async (name: string, kind: SecretKind): Promise<StoredValue> => {
  switch (kind) {
    case 'key':
      return randomBytes(32).toString('base64')
    case 'uuid':
      return randomUUID()
    case 'password':
      return Array.from({ length: 32 }, () => LETTERS[randomInt(LETTERS.length)]).join('')
    case 'ca':
      return makeAuthority(`Caravan ${name}`)
  }
}

/** Why a value cannot be a secret of a kind, without the value; undefined: it can. */
export const unfit = (kind: SecretKind, value: unknown): string | undefined => {
  if (kind === 'ca') return unfitAuthority(value)
  if (typeof value !== 'string') return 'is no text'
  if (kind === 'uuid' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) return 'is no UUID'
  if (kind === 'password' && !/^[\x21-\x7e]{12,200}$/.test(value))
    return 'is no password of 12 to 200 letters, digits and signs'
  if (kind === 'key') return unfitKey(value)
  return undefined
}

const unfitKey = (value: string): string | undefined => {
  const bytes = Buffer.from(value, 'base64')
  if (bytes.toString('base64') !== value) return 'is not standard base64'
  return bytes.length === 32 ? undefined : `has ${bytes.length} bytes instead of 32`
}

const unfitAuthority = (value: unknown): string | undefined => {
  const { certificate, key } = (value ?? {}) as Record<string, unknown>
  if (typeof certificate !== 'string' || typeof key !== 'string') return 'is no certificate with a key'
  try {
    const own = new X509Certificate(certificate)
    if (!own.ca) return 'is the certificate of no CA'
    return own.checkPrivateKey(createPrivateKey(key)) ? undefined : 'has a key that is not of its certificate'
  } catch {
    return 'is no certificate with a key, both PEM'
  }
}
