import type { Inventory } from '../declare/inventory.ts'
import type { Product } from '../declare/products.ts'
import { isWithin } from '../declare/version.ts'
import type { Catalogue } from './catalogue.ts'

/** Where a product in a version comes from: URLs of the publisher, or of the mirror. */
export type Offer = Readonly<{
  product: Product
  version: string
  /** By Debian's name of the architecture. */
  archives: ReadonlyMap<string, Readonly<{ url: string; name: string; sums: string }>>
  member: string | undefined
  /** What proves the sums; undefined: nothing but the connection. */
  proof: Readonly<{ signature: string; key: string; signer: string; fingerprint: string }> | undefined
  /** As `versions.lock` says it once they are proved. */
  verified: string
}>

type Downloads = Inventory['downloads']

/** What the publisher offers. Whether there is such a version is not known yet. */
export const offerOf = (
  { products, signers }: Catalogue,
  downloads: Downloads,
  product: Product,
  version: string,
): Offer => {
  const { except, signature, signer, architectures, ...usual } = products[product]
  const own = except.find(({ versions }) => versions.some((range) => isWithin(version, range)))
  const at = (url: string, arch = ''): string =>
    mirrored(url.replaceAll('{version}', version).replaceAll('{arch}', arch), downloads.mirror)
  const archives = Object.entries(architectures).map(([arch, theirs]) => {
    const url = at(own?.archive ?? usual.archive, theirs)
    return [arch, { url, name: url.slice(url.lastIndexOf('/') + 1), sums: at(usual.sums, theirs) }] as const
  })
  const shared = { product, version, archives: new Map(archives), member: own?.member ?? usual.member }
  if (signature === undefined || signer === undefined) return { ...shared, proof: undefined, verified: 'published sum' }
  const { key, fingerprint: pinned } = signers[signer]
  const fingerprint = (downloads.keys[signer] ?? pinned).replaceAll(/\s/g, '').toUpperCase()
  const proof = { signature: at(signature), key: at(key), signer, fingerprint }
  return { ...shared, proof, verified: `signature ${fingerprint}` }
}

/** Scheme and host of the publisher give way to the mirror, and its host becomes the first part of the path. */
const mirrored = (url: string, mirror: string | undefined): string =>
  mirror === undefined ? url : `${mirror.replace(/\/+$/, '')}/${url.replace(/^https:\/\//, '')}`
