import type { Inventory } from '../declare/inventory.ts'
import type { Means, Pins, Release } from '../declare/means.ts'
import { CaravanError, DeclarationError } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import { type Catalogue, readCatalogue } from './catalogue.ts'
import { choose, productsOf, refuse } from './choose.ts'
import { type Lock, type Locked, readLock, withLocked, writeLock } from './lock.ts'
import { type Offer, offerOf } from './offer.ts'

/** What a run needs to know of its releases before it compiles its roles. */
export type ReleasesInput = Readonly<{
  /** `versions.yaml` */
  catalogue: string
  /** `versions.lock` */
  lock: string
  inventory: Pick<Inventory, 'file' | 'versions' | 'downloads'>
  /** What the selected roles install on the hosts of the run. */
  asked: readonly Readonly<{ role: string; pins: Pins }>[]
}>

/** The releases of a run. */
export type Opened = Readonly<{
  releases: Means['releases']
  /** Writes what was verified, if anything was; before anything is applied, and never under `--check`. */
  save: () => Promise<void>
}>

/**
 * The releases that the selected roles ask for. What `versions.lock` has not, or has verified by a key that is not
 * trusted any more, is verified now, and stays in memory until `save`.
 * @throws CaravanError, or AggregateError of several: each names a URL, what was expected and what came.
 */
export const openReleases = async (input: ReleasesInput): Promise<Opened> => {
  const catalogue = readCatalogue(input.catalogue)
  const known = await readLock(input.lock)
  const missing = offersIn(input, catalogue).filter((offer) => lockedIn(known, offer) === undefined)
  const lock = await withVerified(known, missing)
  const save = async (): Promise<void> => {
    if (missing.length > 0) await writeLock(input.lock, lock)
  }
  return { releases: handles(input, catalogue, lock), save }
}

/** Each product in each version that is asked for, once. */
const offersIn = ({ asked, inventory }: ReleasesInput, catalogue: Catalogue): readonly Offer[] => {
  const offers = new Map<string, Offer>()
  for (const { role, pins } of asked) {
    for (const product of productsOf(pins)) {
      const { version, by } = choose(catalogue, inventory, product, pins, role)
      refuse(catalogue, product, version, by)
      offers.set(`${product} ${version}`, offerOf(catalogue, inventory.downloads, product, version))
    }
  }
  return [...offers.values()]
}

/** What was verified, if the key that it was verified by is the one that is trusted now. */
const lockedIn = (lock: Lock, { product, version, verified }: Offer): Locked | undefined => {
  const entry = lock[product]?.[version]
  return entry?.verified === verified ? entry : undefined
}

// With a lock that has everything, nothing of what talks to the network is loaded.
const withVerified = async (lock: Lock, offers: readonly Offer[]): Promise<Lock> => {
  if (offers.length === 0) return lock
  const { verify } = await import('./verify.ts')
  const results = await Promise.allSettled(offers.map(verify))
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors)
  return offers.reduce((whole, { product, version }, index) => {
    const result = results[index]
    return result?.status === 'fulfilled' ? withLocked(whole, product, version, result.value) : whole
  }, lock)
}

const handles =
  ({ inventory, lock: file }: ReleasesInput, catalogue: Catalogue, lock: Lock): Means['releases'] =>
  (arch, pins, used) =>
  (product) => {
    const declared = productsOf(pins)
    if (!declared.includes(product))
      throw new DeclarationError(`the role declares no product "${product}"${didYouMean(product, declared)}`)
    const { version } = choose(catalogue, inventory, product, pins)
    const offer = offerOf(catalogue, inventory.downloads, product, version)
    const { url, sha256 } = archiveFor(offer, arch, lock, used ? file : undefined)
    const { by } = inventory.downloads
    return { product, version, url, sha256, by, ...(offer.member !== undefined && { member: offer.member }) }
  }

/** Of a role that was not selected nothing is installed: what is not known yet has the right shape. */
const archiveFor = (
  offer: Offer,
  arch: string,
  lock: Lock,
  mustBeIn: string | undefined,
): Pick<Release, 'url' | 'sha256'> => {
  const { product, version, archives } = offer
  const archive = archives.get(arch)
  const sha256 = archive && lockedIn(lock, offer)?.archives[archive.name]
  if (archive !== undefined && sha256 !== undefined) return { url: archive.url, sha256 }
  if (mustBeIn === undefined) {
    const [some] = archives.values()
    return { url: archive?.url ?? some?.url ?? '', sha256: '0'.repeat(64) }
  }
  if (archive === undefined)
    throw new CaravanError(`${product} is not published for ${arch}`, {
      hint: `there are archives for ${[...archives.keys()].join(' and ')}`,
    })
  throw new CaravanError(
    `${archive.sums} names no ${archive.name}: ${product} ${version} is not published for ${arch}`,
    {
      hint: `take another version; or, if it is there by now, delete ${product} ${version} from ${mustBeIn}`,
    },
  )
}
