import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { packLayer } from '../../lab/mirror/archive.ts'
import { digestOf, type ImageSettings, imageOf } from '../../lab/mirror/image.ts'
import { push } from '../../lab/mirror/push.ts'
import { run } from '../../lab/shell.ts'

const toyLayer = async (t: ExecutionContext): Promise<string> => {
  const directory = mkdtempSync(join(tmpdir(), 'caravan-image-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  mkdirSync(join(directory, 'root', 'bin'), { recursive: true })
  writeFileSync(join(directory, 'root', 'bin', 'busybox'), 'busy', { mode: 0o755 })
  symlinkSync('busybox', join(directory, 'root', 'bin', 'sh'))
  await packLayer(join(directory, 'root'), join(directory, 'layer.tar'))
  return join(directory, 'layer.tar')
}

const toyImage = async (t: ExecutionContext, more: Partial<ImageSettings> = {}) =>
  imageOf({ name: 'toy', tag: '1', layer: await toyLayer(t), command: ['sh'], ...more })

/** A registry that takes a blob only under its own digest, and a manifest only when all of its blobs are there. */
const registry = async (t: ExecutionContext) => {
  const [blobs, manifests, requests] = [new Map<string, Buffer>(), new Map<string, Buffer>(), [] as string[]]
  const server = createServer(async (request, response) => {
    const { method, url = '' } = request
    const { pathname, searchParams } = new URL(url, 'http://x')
    requests.push(`${method} ${pathname}`)
    const content = await buffer(request)
    const answer = (status: number, headers = {}) => void response.writeHead(status, headers).end()
    if (method === 'POST') return answer(202, { location: `${url}7?state=a%2Bb` })
    if (pathname.includes('/blobs/uploads/')) {
      const digest = searchParams.get('digest') ?? ''
      if (digestOf(content) !== digest || searchParams.get('state') !== 'a+b') return answer(400)
      blobs.set(digest, content)
      return answer(201)
    }
    if (pathname.includes('/blobs/')) return answer(blobs.has(pathname.split('/').at(-1) ?? '') ? 200 : 404)
    const known = manifests.get(pathname)
    if (method === 'HEAD') return known ? answer(200, { 'docker-content-digest': digestOf(known) }) : answer(404)
    const { config, layers } = JSON.parse(content.toString())
    if (![config, ...layers].every(({ digest, size }) => blobs.get(digest)?.length === size)) return answer(400)
    manifests.set(pathname, content)
    return answer(201)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.close())
  t.teardown(() => server.closeAllConnections())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, blobs, manifests, requests }
}

test('an image is pushed with all that its manifest names, and once', async (t) => {
  const { url, blobs, manifests, requests } = await registry(t)
  await push(url, await toyImage(t))
  const { config, layers } = JSON.parse(manifests.get('/v2/toy/manifests/1')?.toString() ?? '')
  const { rootfs, config: settings, os } = JSON.parse(blobs.get(config.digest)?.toString() ?? '')
  const layer = gunzipSync(blobs.get(layers[0].digest) ?? '')
  t.deepEqual([os, settings.Cmd, rootfs.diff_ids], ['linux', ['sh'], [digestOf(layer)]])
  requests.length = 0
  await push(url, await toyImage(t))
  t.deepEqual(requests, ['HEAD /v2/toy/manifests/1'])
})

test('of another image under the same name only what is new is sent', async (t) => {
  const { url, requests, manifests } = await registry(t)
  await push(url, await toyImage(t))
  requests.length = 0
  await push(url, await toyImage(t, { command: ['sleep', '1'] }))
  t.is(requests.filter((request) => request.startsWith('POST')).length, 1)
  t.is(manifests.size, 1)
})

test('a registry that says no is quoted', async (t) => {
  const { url } = await registry(t)
  const image = await toyImage(t)
  const spoilt = { ...image, blobs: image.blobs.map((blob) => ({ ...blob, content: Buffer.from('else') })) }
  await t.throwsAsync(push(url, spoilt), { message: /PUT http:.*digest=sha256.* was answered 400/ })
})

test('a layer keeps links and modes and belongs to root', async (t) => {
  const listed = await run(['tar', '--list', '--verbose', '--numeric-owner', '--file', await toyLayer(t)])
  t.regex(listed, /^-rwxr-xr-x 0\/0 .*\.\/bin\/busybox$/m)
  t.regex(listed, /^lrwxrwxrwx 0\/0 .*\.\/bin\/sh -> busybox$/m)
})
