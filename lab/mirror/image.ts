/** Container images, as a registry has them: one layer, its configuration and a manifest. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { ARCH } from './paths.ts'

// Source: https://distribution.github.io/distribution/spec/manifest-v2-2/
const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
const CONFIG = 'application/vnd.docker.container.image.v1+json'
const LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip'

export type Blob = { readonly digest: string; readonly content: Uint8Array }
export type Image = {
  readonly name: string
  readonly tag: string
  readonly mediaType: string
  readonly manifest: Uint8Array
  readonly blobs: readonly Blob[]
}

export type ImageSettings = {
  /** Of the registry's URL, without a host: `busybox`. */
  readonly name: string
  readonly tag: string
  /** Path of an uncompressed tar that is the whole root directory. */
  readonly layer: string
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
}

/** An image with the same digests for the same content. */
export async function imageOf({ name, tag, layer, entrypoint, command }: ImageSettings): Promise<Image> {
  const tar = await readFile(layer)
  const packed = blob(gzipSync(tar))
  const config = blob(
    json({
      architecture: ARCH,
      os: 'linux',
      config: {
        Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
        ...(entrypoint && { Entrypoint: entrypoint }),
        ...(command && { Cmd: command }),
      },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    }),
  )
  const manifest = json({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: describe(CONFIG, config),
    layers: [describe(LAYER, packed)],
  })
  return { name, tag, mediaType: MANIFEST, manifest, blobs: [packed, config] }
}

export function digestOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

function blob(content: Uint8Array): Blob {
  return { digest: digestOf(content), content }
}

function describe(mediaType: string, { digest, content }: Blob) {
  return { mediaType, size: content.length, digest }
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}
