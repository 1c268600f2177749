/** Pushes images by the registry's HTTP API, as this computer has no Docker. */
import { LabError } from '../errors.ts'
import { digestOf, type Image } from './image.ts'

/**
 * Puts an image into a registry, if it is not there. `registry` is a URL without a path.
 * @throws LabError with what the registry answered.
 */
export async function push(registry: string, image: Image): Promise<void> {
  const { name, tag, mediaType, manifest, blobs } = image
  const at = `${registry}/v2/${name}/manifests/${tag}`
  const there = await ask(at, { method: 'HEAD', headers: { accept: mediaType } }, [200, 404])
  if (there.headers.get('docker-content-digest') === digestOf(manifest)) return
  for (const { digest, content } of blobs) await pushBlob(registry, name, digest, content)
  await ask(at, { method: 'PUT', headers: { 'content-type': mediaType }, body: body(manifest) }, [201])
}

// Source: https://distribution.github.io/distribution/spec/api/#pushing-a-layer
async function pushBlob(registry: string, name: string, digest: string, content: Uint8Array): Promise<void> {
  const { status } = await ask(`${registry}/v2/${name}/blobs/${digest}`, { method: 'HEAD' }, [200, 404])
  if (status === 200) return
  const started = await ask(`${registry}/v2/${name}/blobs/uploads/`, { method: 'POST' }, [202])
  const upload = new URL(started.headers.get('location') ?? '', registry)
  upload.searchParams.set('digest', digest)
  const headers = { 'content-type': 'application/octet-stream' }
  await ask(upload.href, { method: 'PUT', headers, body: body(content) }, [201])
}

function body(content: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(content)
}

async function ask(url: string, request: RequestInit, wanted: readonly number[]): Promise<Response> {
  const response = await fetch(url, request)
  if (wanted.includes(response.status)) return response
  throw new LabError(`lab: ${request.method} ${url} was answered ${response.status}: ${await response.text()}`)
}
