import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { createMessage, generateKey, type PrivateKey, sign } from 'openpgp'
import { openReleases, type ReleasesInput } from '../../core/artifacts/releases.ts'
import type { Pins } from '../../core/declare/means.ts'
import { makeZip } from './make-zip.ts'
import { serve, sha256 } from './server.ts'

export const makeKey = async (more: object = {}): Promise<PrivateKey> =>
  (await generateKey({ userIDs: [{ name: 'Test' }], format: 'object', ...more })).privateKey

export const fingerprintOf = (key: PrivateKey): string => key.getFingerprint().toUpperCase()

/** A detached signature, in bytes, as HashiCorp has it. */
export const signedBy = async (key: PrivateKey, content: Uint8Array, date = new Date()): Promise<Uint8Array> =>
  (await sign({
    message: await createMessage({ binary: new Uint8Array(content) }),
    signingKeys: key,
    detached: true,
    format: 'binary',
    date,
  })) as Uint8Array

export const sumsOf = (files: Readonly<Record<string, Uint8Array>>): Buffer =>
  Buffer.from(
    Object.entries(files)
      .map(([name, content]) => `${sha256(content)}  ${name}\n`)
      .join(''),
  )

export const KEY = '/www.hashicorp.com/.well-known/pgp-key.txt'
export const archiveOf = (name: string, version: string, arch: string): Buffer =>
  makeZip([
    { name, content: `#!/bin/sh\necho ${name} ${version} for ${arch}\n`, mode: 0o100755 },
    { name: 'LICENSE.txt', content: 'x' },
  ])

type Files = Map<string, Uint8Array>

/** What HashiCorp publishes of a version, at the paths of a mirror; gives the paths. */
export const publishSigned = async (files: Files, key: PrivateKey, product: string, version: string) => {
  const dir = `/releases.hashicorp.com/${product}/${version}/${product}_${version}`
  const archives = Object.fromEntries(
    ['amd64', 'arm64'].map((arch) => [`${product}_${version}_linux_${arch}.zip`, archiveOf(product, version, arch)]),
  )
  for (const [name, content] of Object.entries(archives))
    files.set(`/releases.hashicorp.com/${product}/${version}/${name}`, content)
  const sums = sumsOf({ ...archives, [`${product}_${version}_darwin_arm64.zip`]: Buffer.from('another') })
  files.set(`${dir}_SHA256SUMS`, sums)
  files.set(`${dir}_SHA256SUMS.sig`, await signedBy(key, sums))
  files.set(KEY, Buffer.from(key.toPublic().armor()))
  return { sums: `${dir}_SHA256SUMS`, signature: `${dir}_SHA256SUMS.sig`, amd64: `${dir}_linux_amd64.zip` }
}

/** What a project on GitHub publishes: an archive and its sum, one of each for each architecture. */
export const publishSums = (files: Files, archive: (arch: string) => string) => {
  for (const arch of ['amd64', 'arm64']) {
    const path = archive(arch)
    const content = archiveOf('x', '1', arch)
    files.set(path, content)
    files.set(`${path}.sha256`, sumsOf({ [path.slice(path.lastIndexOf('/') + 1)]: content }))
  }
}

export const cniArchive = (version: string) => (arch: string) =>
  `/github.com/containernetworking/plugins/releases/download/v${version}/cni-plugins-linux-${arch}-v${version}.tgz`

// The sets move on, and what the tests say of them should not.
const SETS = `sets:
  current: { nomad: 1.6.1, consul: 1.16.6, cni-plugins: 1.9.1, coredns: 1.14.7, dataplaneapi: 2.9.27 }
  seed: { nomad: 1.6.1, consul: 1.16.1, cni-plugins: 1.0.1, coredns: 1.10.1, dataplaneapi: 2.7.1 }
`

type More = Partial<ReleasesInput['inventory']> & { by?: 'host' | 'controller' }

/** A mirror, and what opens releases from it. */
export const publisher = async (t: ExecutionContext, key: PrivateKey) => {
  const dir = mkdtempSync(join(tmpdir(), 'caravan-releases-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const files: Files = new Map()
  const { url, requests, server } = await serve(t, files)
  const lock = join(dir, 'versions.lock')
  const catalogue = join(dir, 'versions.yaml')
  writeFileSync(catalogue, readFileSync('versions.yaml', 'utf8').replace(/^sets:\n(?:[ #].*\n|\n)*/m, SETS))
  const input = (asked: Pins, { by = 'host', ...more }: More = {}): ReleasesInput => ({
    catalogue,
    lock,
    inventory: {
      file: 'inventory.yaml',
      versions: { set: 'current' },
      downloads: { mirror: `${url}/`, by, keys: { hashicorp: fingerprintOf(key) } },
      ...more,
    },
    asked: [{ role: 'toy', pins: asked }],
  })
  const open = (asked: Pins, more?: More) => openReleases(input(asked, more))
  return { dir, files, url, requests, server, lock, input, open }
}
