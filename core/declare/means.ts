import type { webcrypto } from 'node:crypto'
import { DeclarationError } from '../errors.ts'
import type { Secret } from '../secrets/secret.ts'
import type { Product } from './products.ts'

/** What signs certificates: the CA's own certificate, and its key, which nothing here ever sees as text. */
export type CertificateAuthority = Readonly<{
  /** PEM. */
  certificate: string
  /** The private key, for `crypto.subtle.sign`; asked for only when something is to be signed. */
  signingKey: () => Promise<webcrypto.CryptoKey>
}>

/**
 * How a secret is made when there is none yet: `key`: 32 random bytes in standard base64; `uuid`: a random UUID;
 * `password`: 32 letters and digits; `ca`: a certificate authority, whose key never leaves the store.
 */
export type SecretKind = 'key' | 'uuid' | 'password' | 'ca'

/** The cluster's secrets, as a role sees them. */
export type Secrets = Readonly<{
  /** A `key`, `uuid` or `password`. */
  value: (name: string) => Secret
  ca: (name: string) => CertificateAuthority
}>

/**
 * One product in one version for one architecture, as its publisher offers it, and as `artifact` takes it:
 * `artifact('nomad', { ...releases('nomad'), to: '/usr/local/bin/nomad' })`.
 */
export type Release = Readonly<{
  product: Product
  /** Such as `1.10.5`. */
  version: string
  /** Of the publisher, or of the mirror of the inventory. */
  url: string
  /** Of what is downloaded; hex, and checked by the publisher's signature or published sum. */
  sha256: string
  /** The file in the archive that is wanted; without it all of them. */
  member?: string
  /** Who downloads, by the inventory. */
  by: 'host' | 'controller'
}>

/** The release of a product that the role declared, for the host that it is asked for. */
export type Releases = (product: Product) => Release

/** The products that a role installs; undefined: in the version that the inventory says. */
export type Pins = Readonly<Partial<Record<Product, string | undefined>>>

/** What roles are given besides the inventory. */
export type Means = Readonly<{
  /** `used`: whether the role was selected, so that its secrets must be the real ones. */
  secrets: (role: Readonly<{ name: string; secrets: Readonly<Record<string, SecretKind>> }>, used: boolean) => Secrets
  /** `arch` as Debian calls it; `pinned`: the versions that the role asked for; `used`: as for secrets. */
  releases: (arch: string, pinned: Pins, used: boolean) => Releases
}>

const none = (what: string): never => {
  throw new DeclarationError(`this playbook has no ${what}`, { hint: 'site() gives roles what they need' })
}

/** Nothing: for playbooks whose roles use no secrets and install no products. */
export const noMeans: Means = Object.freeze({
  secrets: () => ({ value: () => none('secrets'), ca: () => none('secrets') }),
  releases: () => () => none('releases'),
})
