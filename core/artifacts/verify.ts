import { CaravanError } from '../errors.ts'
import type { Locked } from './lock.ts'
import type { Offer } from './offer.ts'
import { NotPublished, type Published, readPublished } from './published.ts'
import { checkSignature } from './signature.ts'

/**
 * Reads the sums that are published for a product, proves them where they are signed, and takes those of its archives.
 * An architecture that the publisher has no archive for is left out; one at least there must be.
 * @throws CaravanError
 */
export const verify = async (offer: Offer): Promise<Locked> => {
  const what = `the sums of ${offer.product} ${offer.version}`
  const files = [...new Set([...offer.archives.values()].map(({ sums }) => sums))]
  const read = await Promise.allSettled(files.map((url) => readPublished(url, what)))
  const failed = read.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  const found = read.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const fatal = failed.find((error) => !(error instanceof NotPublished)) ?? (found.length === 0 ? failed[0] : undefined)
  if (fatal !== undefined) throw fatal
  for (const sums of found) await prove(offer, sums)
  return { verified: offer.verified, archives: archivesIn(offer, found) }
}

const prove = async ({ product, version, proof }: Offer, sums: Published): Promise<void> => {
  if (proof === undefined) return
  const [signature, keyring] = await Promise.all([
    readPublished(proof.signature, `the signature of the sums of ${product} ${version}`),
    readPublished(proof.key, `the key of ${proof.signer}`),
  ])
  await checkSignature({ sums, signature, keyring, signer: proof.signer, fingerprint: proof.fingerprint })
}

const archivesIn = ({ archives }: Offer, published: readonly Published[]): Locked['archives'] => {
  const sums = new Map(published.flatMap(sumsIn))
  const wanted = [...archives.values()].map(({ name }) => name)
  const known = wanted.flatMap((name) => (sums.has(name) ? [[name, sums.get(name) ?? ''] as const] : []))
  if (known.length > 0) return Object.fromEntries(known)
  const names = [...sums.keys()].slice(0, 10).join(' ')
  throw new CaravanError(
    `${published.map(({ url }) => url).join(' and ')} should name ${wanted.join(' or ')}, but names ${names || 'no file at all'}`,
    { hint: 'is that version published for Linux? compare with its publisher, or with what your mirror holds' },
  )
}

// Lines of sha256sum: the sum, then a space, then a space or (binary) an asterisk.
const sumsIn = ({ content }: Published): readonly (readonly [name: string, sha256: string])[] =>
  content
    .toString('utf8')
    .split('\n')
    .flatMap((line) => {
      const [, sha256, name] = /^([0-9a-f]{64}) [ *](\S+)\r?$/.exec(line) ?? []
      return sha256 === undefined || name === undefined ? [] : [[name, sha256] as const]
    })
