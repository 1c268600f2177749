import type { PublicKey, Signature } from 'openpgp'
import { CaravanError } from '../errors.ts'
import type { Published } from './published.ts'

/** What must be signed, by which key, and what that can be told by. */
export type Signed = Readonly<{
  sums: Published
  signature: Published
  keyring: Published
  /** In capitals, without spaces. */
  fingerprint: string
  signer: string
}>

/**
 * Checks a detached OpenPGP signature by the one key that has the fingerprint, whatever else is in the keyring.
 * @throws CaravanError that says which of the three is not what it should be.
 */
export const checkSignature = async (signed: Signed): Promise<void> => {
  const { createMessage, verify } = await import('openpgp')
  const key = await keyOf(signed)
  const signature = await signatureOf(signed)
  const { sums, fingerprint } = signed
  const message = await createMessage({ binary: new Uint8Array(sums.content) })
  const { signatures } = await verify({ message, signature, verificationKeys: key, format: 'binary' })
  const results = await Promise.allSettled(signatures.map(({ verified }) => verified))
  if (results.some(({ status }) => status === 'fulfilled')) return
  const known = key.getKeyIDs().map((id) => id.toHex())
  const signers = signature.getSigningKeyIDs().map((id) => id.toHex())
  if (!signers.some((id) => known.includes(id)))
    throw refused(signed, `it is signed by the key ${signers.join(' and ').toUpperCase()}, and not by ${fingerprint}`)
  const [reason] = results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason.message)] : []))
  throw refused(signed, `it is not what ${fingerprint} signed: ${reason}`)
}

const refused = ({ sums, signature }: Signed, why: string): CaravanError =>
  new CaravanError(`${sums.url} cannot be trusted: ${why}`, {
    detail: `the signature is ${signature.url}`,
    hint: 'it was changed on its way or by the mirror: compare both with what the publisher has, from elsewhere',
  })

const isArmored = (content: Buffer): boolean => content.includes('-----BEGIN PGP ')

const keyOf = async ({ keyring: { url, content }, signer, fingerprint }: Signed): Promise<PublicKey> => {
  const { readKeys } = await import('openpgp')
  const read = isArmored(content)
    ? readKeys({ armoredKeys: content.toString('latin1') })
    : readKeys({ binaryKeys: new Uint8Array(content) })
  const keys = await read.catch((error: Error) => {
    throw new CaravanError(`${url} should be the key of ${signer}, but is no OpenPGP key: ${error.message}`, {
      hint: `open ${url}`,
    })
  })
  const found = keys.map((key) => key.getFingerprint().toUpperCase())
  const key = keys[found.indexOf(fingerprint)]
  if (key !== undefined) return key
  throw new CaravanError(
    `${url} should be the key ${fingerprint} of ${signer}, but holds ${found.join(' and ') || 'no key'}`,
    { hint: `if ${signer} has a new key, compare it with its page and set downloads.keys.${signer} in the inventory` },
  )
}

const signatureOf = async ({ signature: { url, content }, sums }: Signed): Promise<Signature> => {
  const { readSignature } = await import('openpgp')
  const read = isArmored(content)
    ? readSignature({ armoredSignature: content.toString('latin1') })
    : readSignature({ binarySignature: new Uint8Array(content) })
  return read.catch((error: Error) => {
    throw new CaravanError(`${url} should be the signature of ${sums.url}, but is none: ${error.message}`, {
      hint: `open ${url}`,
    })
  })
}
