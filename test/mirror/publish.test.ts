import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { readCatalogue } from '../../core/artifacts/catalogue.ts'
import { filesOf } from '../../core/artifacts/files.ts'
import { openReleases } from '../../core/artifacts/releases.ts'
import type { Pins } from '../../core/declare/means.ts'
import { CaravanError } from '../../core/errors.ts'
import { fingerprintOf, makeKey, readKey } from '../../lab/mirror/key.ts'
import { ARCH } from '../../lab/mirror/paths.ts'
import { type Published, publish } from '../../lab/mirror/publish.ts'
import { serve } from '../../lab/mirror/server.ts'
import { run } from '../../lab/shell.ts'
import { sha256 } from '../artifacts/server.ts'

const catalogue = readCatalogue('versions.yaml')
const NOMAD: Published = { product: 'nomad', version: '1.6.1' }
const nomad = 'releases.hashicorp.com/nomad/1.6.1/nomad_1.6.1'

/** Programs of a few bytes, published and served by the code that does it for the real ones. */
const mirror = async (t: ExecutionContext, published: Published, programs: readonly string[] = [published.product]) => {
  const directory = mkdtempSync(join(tmpdir(), 'caravan-mirror-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = (...parts: string[]) => join(directory, ...parts)
  mkdirSync(path('bin'))
  for (const name of programs) {
    writeFileSync(path('bin', name), `#!/bin/sh\necho ${name}\n`)
    chmodSync(path('bin', name), 0o755)
  }
  await makeKey(path('key.asc'))
  const key = await readKey(path('key.asc'))
  await publish(catalogue, published, path('bin'), path('site'), key)
  const server = await serve('127.0.0.1', 0, [path('none'), path('site')])
  t.teardown(() => void server.close())
  t.teardown(() => server.closeAllConnections())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { product, version } = published
  const pins: Pins = { [product]: version }
  const downloads = { mirror: url, by: 'host', keys: { hashicorp: fingerprintOf(key) } } as const
  const inventory = { file: 'inventory.yaml', versions: { set: 'current' }, downloads } as const
  const asked = [{ role: 'toy', pins }]
  const open = () => openReleases({ catalogue: 'versions.yaml', lock: path('versions.lock'), inventory, asked })
  const release = async () => (await open()).releases(ARCH, pins, true)(product)
  return { path, url, key, release }
}

/** What openReleases says of a mirror that lies. */
const refusal = async (t: ExecutionContext, release: () => Promise<unknown>): Promise<string> =>
  (await t.throwsAsync(release, { instanceOf: CaravanError })).message

const download = async (url: string): Promise<Buffer> => Buffer.from(await (await fetch(url)).arrayBuffer())

test('a zip with signed sums is taken by who installs it', async (t) => {
  const { url, release } = await mirror(t, NOMAD)
  const { url: archive, sha256: sum, member } = await release()
  t.is(archive, `${url}/${nomad}_linux_${ARCH}.zip`)
  const content = await download(archive)
  t.is(sha256(content), sum)
  const [file] = filesOf(content, { url: archive, format: 'zip', member, strip: 0 })
  t.is(Buffer.from(file?.content ?? '').toString(), '#!/bin/sh\necho nomad\n')
})

const TARS: readonly (readonly [Published, programs: readonly string[], url: string, inside: readonly string[]])[] = [
  [
    { product: 'cni-plugins', version: '1.0.1' },
    ['bridge', 'host-local'],
    `github.com/containernetworking/plugins/releases/download/v1.0.1/cni-plugins-linux-${ARCH}-v1.0.1.tgz`,
    ['./', './bridge', './host-local'],
  ],
  [
    { product: 'coredns', version: '1.10.1' },
    ['coredns'],
    `github.com/coredns/coredns/releases/download/v1.10.1/coredns_1.10.1_linux_${ARCH}.tgz`,
    ['./', './coredns'],
  ],
  [
    { product: 'dataplaneapi', version: '2.7.1' },
    ['dataplaneapi'],
    `github.com/haproxytech/dataplaneapi/releases/download/v2.7.1/dataplaneapi_2.7.1_Linux_${ARCH === 'arm64' ? ARCH : 'x86_64'}.tar.gz`,
    ['./', './build/dataplaneapi'],
  ],
]
for (const [published, programs, path, inside] of TARS)
  test(`a tar of ${published.product} has its sum beside it`, async (t) => {
    const { path: at, url, release } = await mirror(t, published, programs)
    const { url: archive, sha256: sum } = await release()
    t.is(archive, `${url}/${path}`)
    t.is(sha256(await download(archive)), sum)
    t.deepEqual((await run(['tar', '--list', '--file', at('site', path)])).trim().split('\n'), inside)
    const listed = await run(['tar', '--list', '--verbose', '--numeric-owner', '--file', at('site', path)])
    t.regex(listed, /-rwxr-xr-x 0\/0 /)
  })

test('the same programs give the same archive, whenever they were built', async (t) => {
  for (const published of [NOMAD, { product: 'coredns', version: '1.14.7' }] as const) {
    const { path, release, key } = await mirror(t, published)
    const { sha256: sum, url } = await release()
    utimesSync(path('bin', published.product), new Date(), new Date('2031-05-06T07:08:09Z'))
    await publish(catalogue, published, path('bin'), path('again'), key)
    t.is(sha256(readFileSync(path('again', new URL(url).pathname))), sum)
  }
})

test('sums that were changed after they were signed are refused', async (t) => {
  const { path, release } = await mirror(t, NOMAD)
  const sums = path('site', `${nomad}_SHA256SUMS`)
  writeFileSync(
    sums,
    readFileSync(sums, 'utf8').replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
  )
  t.regex(await refusal(t, release), /SHA256SUMS cannot be trusted: it is not what [0-9A-F]{40} signed/)
})

test('the signature of another key is refused', async (t) => {
  const { path, release } = await mirror(t, NOMAD)
  await makeKey(path('other.asc'))
  await publish(catalogue, NOMAD, path('bin'), path('others'), await readKey(path('other.asc')))
  const signature = `${nomad}_SHA256SUMS.sig`
  writeFileSync(path('site', signature), readFileSync(path('others', signature)))
  t.regex(await refusal(t, release), /SHA256SUMS cannot be trusted: it is signed by the key/)
})

test('nobody else can read the key, and only its public half is served', async (t) => {
  const { path } = await mirror(t, NOMAD)
  t.is(statSync(path('key.asc')).mode & 0o777, 0o600)
  const served = readFileSync(path('site', 'www.hashicorp.com/.well-known/pgp-key.txt'), 'utf8')
  t.regex(served, /^-----BEGIN PGP PUBLIC KEY BLOCK-----/)
  t.notRegex(served, /PRIVATE/)
})

test('the server gives files of its directories, and nothing else', async (t) => {
  const { path, url } = await mirror(t, NOMAD)
  mkdirSync(path('site', 'x'), { recursive: true })
  writeFileSync(path('site', 'x', '.hidden'), 'x')
  const size = statSync(path('site', `${nomad}_linux_${ARCH}.zip`)).size
  const head = await fetch(`${url}/${nomad}_linux_${ARCH}.zip`, { method: 'HEAD' })
  t.deepEqual([head.status, head.headers.get('content-length')], [200, String(size)])
  for (const asked of [
    '/',
    '/key.asc',
    '/../key.asc',
    '/x/../../key.asc',
    '/%2e%2e/key.asc',
    '/x/.hidden',
    '/x',
    '//x',
  ])
    t.is(await statusOf(`${url}`, asked, 'GET'), 404, asked)
  t.is(await statusOf(url, `/${nomad}_SHA256SUMS`, 'PUT'), 404)
  t.is(await statusOf(url, `/${dirname(nomad)}/${'a'.repeat(5000)}`, 'GET'), 404)
})

/** Asks for exactly that path, which fetch would tidy up. */
const statusOf = (url: string, path: string, method: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    request(url, { path, method }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
  })
