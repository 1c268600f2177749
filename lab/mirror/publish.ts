/** Lays programs out as their publishers do: archives, sums and signatures below `HOST/PATH`. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { PrivateKey } from 'openpgp'
import type { Catalogue } from '../../core/artifacts/catalogue.ts'
import { offerOf } from '../../core/artifacts/offer.ts'
import { LabError } from '../errors.ts'
import { pack } from './archive.ts'
import { signature } from './key.ts'
import { ARCH } from './paths.ts'
import type { Program } from './programs.ts'

export type Published = Pick<Program, 'product' | 'version'>

/**
 * Writes what the publisher has of a version into `site`: the archive of the programs in `binaries`, its sum, and the
 * signature and key where the publisher signs.
 * @throws LabError when versions.yaml knows no such architecture.
 */
export async function publish(
  catalogue: Catalogue,
  { product, version }: Published,
  binaries: string,
  site: string,
  key: PrivateKey,
): Promise<void> {
  const { archives, member, proof } = offerOf(catalogue, { by: 'host', keys: {} }, product, version)
  const archive = archives.get(ARCH)
  if (!archive) throw new LabError(`lab: versions.yaml has no ${product} for ${ARCH}`)
  const file = join(site, pathOf(archive.url))
  await pack(binaries, file, member?.includes('/') ? dirname(member) : '')
  const sums = Buffer.from(`${await sha256(file)}  ${basename(file)}\n`)
  await put(site, archive.sums, sums)
  if (!proof) return
  await put(site, proof.signature, await signature(key, sums))
  await put(site, proof.key, Buffer.from(key.toPublic().armor()))
}

/** Where a URL of a publisher is on a mirror. */
export function pathOf(url: string): string {
  return url.replace(/^https:\/\//, '')
}

async function put(site: string, url: string, content: Uint8Array): Promise<void> {
  const file = join(site, pathOf(url))
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content)
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
