import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { openReleases } from '../../core/artifacts/releases.ts'
import type { Pins } from '../../core/declare/means.ts'
import { CaravanError, DeclarationError } from '../../core/errors.ts'
import { artifact } from '../../core/resources/artifact.ts'
import {
  archiveOf,
  cniArchive,
  fingerprintOf,
  KEY,
  makeKey,
  publisher,
  publishSigned,
  publishSums,
  signedBy,
  sumsOf,
} from './publisher.ts'
import { sha256 } from './server.ts'

const key = await makeKey()
const pins: Pins = { nomad: undefined }

test('signed sums: read once, kept in the lock, and never asked for again', async (t) => {
  const { files, url, requests, lock, open } = await publisher(t, key)
  const paths = await publishSigned(files, key, 'nomad', '1.6.1')
  const { releases, save } = await open(pins)
  t.deepEqual([...requests].sort(), [paths.sums, paths.signature, KEY].sort())
  const release = releases('amd64', pins, true)('nomad')
  t.deepEqual(release, {
    product: 'nomad',
    version: '1.6.1',
    url: `${url}${paths.amd64}`,
    sha256: sha256(archiveOf('nomad', '1.6.1', 'amd64')),
    member: 'nomad',
    by: 'host',
  })
  t.is(releases('arm64', pins, true)('nomad').sha256, sha256(archiveOf('nomad', '1.6.1', 'arm64')))
  t.false(existsSync(lock), 'nothing is written before the run changes anything')
  await save()
  const text = readFileSync(lock, 'utf8')
  t.is(
    text.replace(/^#.*\n/gm, ''),
    `nomad:
  1.6.1:
    verified: signature ${fingerprintOf(key)}
    archives:
      nomad_1.6.1_linux_amd64.zip: ${sha256(archiveOf('nomad', '1.6.1', 'amd64'))}
      nomad_1.6.1_linux_arm64.zip: ${sha256(archiveOf('nomad', '1.6.1', 'arm64'))}
`,
  )
  t.deepEqual(readdirSync(join(lock, '..')), ['versions.lock', 'versions.yaml'])
  requests.length = 0
  const again = await open(pins)
  t.deepEqual(again.releases('amd64', pins, true)('nomad'), release)
  await again.save()
  t.deepEqual([requests, readFileSync(lock, 'utf8')], [[], text])
})

test('with a lock that has everything, nothing that talks to the network or knows OpenPGP is loaded', async (t) => {
  const { files, input, open } = await publisher(t, key)
  await publishSigned(files, key, 'nomad', '1.6.1')
  const loaded = (): string =>
    execFileSync(process.execPath, ['--input-type=module', '-e', WATCHED, JSON.stringify(input(pins))], {
      encoding: 'utf8',
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    })
  const { save } = await open(pins)
  await save()
  t.notRegex(loaded(), /openpgp|verify|published/)
  t.regex(loaded(), /releases\.ts/)
})
const WATCHED = `
import { registerHooks } from 'node:module'
registerHooks({ resolve: (name, context, next) => { console.log(name); return next(name, context) } })
const { openReleases } = await import('./core/artifacts/releases.ts')
await openReleases(JSON.parse(process.argv[1]))
`

test('published sums, one file for each archive; what else is in the lock stays', async (t) => {
  const { files, url, lock, open } = await publisher(t, key)
  await publishSigned(files, key, 'nomad', '1.6.1')
  for (const version of ['1.9.1', '1.10.0']) publishSums(files, cniArchive(version))
  const cni: Pins = { 'cni-plugins': undefined }
  const { releases, save } = await open(cni)
  const release = releases('arm64', cni, true)('cni-plugins')
  t.is(release.url, `${url}${cniArchive('1.9.1')('arm64')}`)
  t.false('member' in release)
  t.deepEqual(artifact('cni', { ...release, to: '/opt/cni/bin/' }).want.to, '/opt/cni/bin/')
  await save()
  await (await open({ 'cni-plugins': '1.10.0' })).save()
  await (await open(pins)).save()
  const lines = readFileSync(lock, 'utf8')
    .split('\n')
    .filter((line) => /^ {0,2}[a-z0-9]|verified:/.test(line))
  t.deepEqual(lines, [
    'nomad:',
    '  1.6.1:',
    `    verified: signature ${fingerprintOf(key)}`,
    'cni-plugins:',
    '  1.9.1:',
    '    verified: published sum',
    '  1.10.0:',
    '    verified: published sum',
  ])
})

test('a release is what an artifact takes', async (t) => {
  const { files, url, open } = await publisher(t, key)
  const { amd64 } = await publishSigned(files, key, 'nomad', '1.6.1')
  const { releases } = await open(pins, { by: 'controller' })
  const { want } = artifact('nomad', { ...releases('amd64', pins, true)('nomad'), to: '/usr/local/bin/nomad' })
  t.like(want, { url: `${url}${amd64}`, member: 'nomad', by: 'controller', format: 'zip' })
})

test("a role's own version wins over the inventory's, which wins over the set", async (t) => {
  const { files, open } = await publisher(t, key)
  for (const version of ['1.16.1', '1.16.6', '1.17.3', '1.18.2']) await publishSigned(files, key, 'consul', version)
  const versionIn = async (own: string | undefined, versions: { set: 'current' | 'seed'; consul?: string }) => {
    const { releases } = await open({ consul: own }, { versions })
    return releases('amd64', { consul: own }, true)('consul').version
  }
  t.is(await versionIn(undefined, { set: 'current' }), '1.16.6')
  t.is(await versionIn(undefined, { set: 'seed' }), '1.16.1')
  t.is(await versionIn(undefined, { set: 'seed', consul: '1.17.3' }), '1.17.3')
  t.is(await versionIn('1.18.2', { set: 'seed', consul: '1.17.3' }), '1.18.2')
})

test('dataplaneapi: old versions have another name and layout', async (t) => {
  const { files, url, open } = await publisher(t, key)
  const base = '/github.com/haproxytech/dataplaneapi/releases/download'
  for (const [version, system, member] of [
    ['2.7.1', 'Linux', 'build/dataplaneapi'],
    ['2.7.5', 'Linux', 'build/dataplaneapi'],
    ['2.7.6', 'linux', 'dataplaneapi'],
    ['2.8.0', 'Linux', 'build/dataplaneapi'],
    ['2.8.1', 'linux', 'dataplaneapi'],
    ['3.0.21', 'linux', 'dataplaneapi'],
  ] as const) {
    const name = (arch: string) => `dataplaneapi_${version}_${system}_${arch}.tar.gz`
    files.set(
      `${base}/v${version}/checksums.txt`,
      sumsOf({ [name('x86_64')]: Buffer.from('a'), [name('arm64')]: Buffer.from('b') }),
    )
    const own: Pins = { dataplaneapi: version }
    const { releases } = await open(own)
    const release = releases('amd64', own, true)('dataplaneapi')
    t.is(release.url, `${url}${base}/v${version}/${name('x86_64')}`)
    t.deepEqual([release.sha256, release.member], [sha256(Buffer.from('a')), member])
    t.is(releases('arm64', own, true)('dataplaneapi').sha256, sha256(Buffer.from('b')))
  }
})

test('coredns and consul: where they are, without a mirror', async (t) => {
  const { input } = await publisher(t, key)
  const own: Pins = { coredns: undefined, consul: undefined }
  const { downloads } = input({}).inventory
  const { mirror: _, ...direct } = downloads
  const { releases } = await openReleases({
    ...input({}),
    inventory: { ...input({}).inventory, downloads: direct },
    asked: [],
  })
  const url = (arch: string, product: 'coredns' | 'consul') => releases(arch, own, false)(product).url
  t.is(
    url('arm64', 'coredns'),
    'https://github.com/coredns/coredns/releases/download/v1.14.7/coredns_1.14.7_linux_arm64.tgz',
  )
  t.is(url('amd64', 'consul'), 'https://releases.hashicorp.com/consul/1.16.6/consul_1.16.6_linux_amd64.zip')
})

test('a role that was not selected costs no request, and gets what has the right shape', async (t) => {
  const { requests, open } = await publisher(t, key)
  const { releases, save } = await open({})
  await save()
  for (const arch of ['amd64', 'riscv64']) {
    const release = releases(arch, pins, false)('nomad')
    t.is(release.sha256, '0'.repeat(64))
    t.notThrows(() => artifact('nomad', { ...release, to: '/usr/local/bin/nomad' }))
  }
  t.deepEqual(requests, [])
})

test('what a role did not declare it does not get', async (t) => {
  const { open } = await publisher(t, key)
  const { releases } = await open({})
  t.throws(() => releases('amd64', pins, true)('consul'), {
    instanceOf: DeclarationError,
    message: 'the role declares no product "consul" (valid: nomad)',
  })
})

test('an architecture that is not published is told to the hosts that have it', async (t) => {
  const { files, url, lock, open } = await publisher(t, key)
  const { sums, signature } = await publishSigned(files, key, 'nomad', '1.6.1')
  const one = sumsOf({ 'nomad_1.6.1_linux_amd64.zip': archiveOf('nomad', '1.6.1', 'amd64') })
  files.set(sums, one).set(signature, await signedBy(key, one))
  publishSums(files, cniArchive('1.9.1'))
  files.delete(`${cniArchive('1.9.1')('arm64')}.sha256`)
  const both: Pins = { nomad: undefined, 'cni-plugins': undefined }
  const { releases } = await open(both)
  t.is(releases('amd64', both, true)('nomad').version, '1.6.1')
  t.is(releases('amd64', both, true)('cni-plugins').version, '1.9.1')
  const fails = (arch: string, product: 'nomad' | 'cni-plugins') => {
    const error = t.throws(() => releases(arch, both, true)(product), { instanceOf: CaravanError })
    return [error.message, error.details.hint]
  }
  t.deepEqual(fails('arm64', 'nomad'), [
    `${url}${sums} names no nomad_1.6.1_linux_arm64.zip: nomad 1.6.1 is not published for arm64`,
    `take another version; or, if it is there by now, delete nomad 1.6.1 from ${lock}`,
  ])
  t.regex(fails('arm64', 'cni-plugins')[0] ?? '', /names no cni-plugins-linux-arm64-v1\.9\.1\.tgz/)
  t.deepEqual(fails('riscv64', 'nomad'), [
    'nomad is not published for riscv64',
    'there are archives for amd64 and arm64',
  ])
})

const REFUSED: readonly [pins: Pins, versions: object, message: RegExp][] = [
  [{ nomad: '1.9.2' }, {}, /^the vars of role toy: nomad 1\.9\.2 is not installed: .*1\.9\.3 or newer/],
  [{ nomad: undefined }, { nomad: '1.7.0' }, /^versions of inventory\.yaml: nomad 1\.7\.0 is not installed: .*1\.7\.2/],
  [{ nomad: undefined }, { nomad: '1.7.1' }, /nomad 1\.7\.1 is not installed: /],
  [{ consul: '1.16.0' }, {}, /consul 1\.16\.0 is not installed: .*xDS/],
  [{ consul: '1.16' }, {}, /^the vars of role toy: consul: "1\.16" is no version such as 1\.10\.5/],
  [{ consul: '../../x' }, {}, /is no version/],
]
for (const [asked, versions, message] of REFUSED)
  test(`refused: ${JSON.stringify(asked)} ${JSON.stringify(versions)}`, async (t) => {
    const { requests, open } = await publisher(t, key)
    const error = await t.throwsAsync(open(asked, { versions: { set: 'current', ...versions } }), {
      instanceOf: CaravanError,
      message,
    })
    t.truthy(error.details.hint)
    t.deepEqual(requests, [])
  })

test('a lock by a key that is not trusted any more, or without signature, does not count', async (t) => {
  const { files, requests, lock, open } = await publisher(t, key)
  await publishSigned(files, key, 'nomad', '1.6.1')
  await (await open(pins)).save()
  const good = readFileSync(lock, 'utf8')
  for (const verified of ['published sum', `signature ${'A'.repeat(40)}`]) {
    writeFileSync(
      lock,
      good.replace(/verified: .*/, `verified: ${verified}`).replaceAll(/: [0-9a-f]{64}/g, `: ${'f'.repeat(64)}`),
    )
    requests.length = 0
    await (await open(pins)).save()
    t.is(requests.length, 3)
    t.is(readFileSync(lock, 'utf8'), good)
  }
})

const entry = `{ verified: published sum, archives: { x: ${'a'.repeat(64)} } }`
const BROKEN: readonly [text: string, message: RegExp][] = [
  ['nomad: [', /versions\.lock:1:\d+: /],
  ['- nomad', /versions\.lock:1:1: .*expected object/],
  [`nmad: { 1.6.1: ${entry} }`, /versions\.lock:1:1: unknown key "nmad" \(did you mean "nomad"\?\)/],
  [`nomad:\n  '1.6': ${entry}`, /versions\.lock:2:3: 1\.6: must be a version such as 1\.10\.5/],
  [
    `nomad:\n  1.6.1: ${entry.replace('published sum', 'yes')}`,
    /versions\.lock:2:22: verified: must be "published sum"/,
  ],
  [`nomad:\n  1.6.1: ${entry.replace('aaa', 'xyz')}`, /versions\.lock:2:\d+: x: must be a sha256/],
]
for (const [text, message] of BROKEN)
  test(`a broken lock: ${text}`, async (t) => {
    const { lock, requests, open } = await publisher(t, key)
    writeFileSync(lock, text)
    const error = await t.throwsAsync(open(pins), { instanceOf: CaravanError, message })
    t.regex(error.details.hint ?? '', /repository/)
    t.deepEqual([requests, readFileSync(lock, 'utf8')], [[], text])
  })

test('every product that fails is told', async (t) => {
  const { url, open, server } = await publisher(t, key)
  const error = await t.throwsAsync(open({ nomad: undefined, coredns: undefined }), { instanceOf: AggregateError })
  t.deepEqual(
    error.errors.map(({ message }) => message.slice(0, url.length + 20)),
    [`${url}/releases.hashicorp.`, `${url}/github.com/coredns/`],
  )
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  const down = await t.throwsAsync(open(pins), { instanceOf: CaravanError })
  t.regex(
    down.message,
    /^http:.*_SHA256SUMS should be the sums of nomad 1\.6\.1, but it could not be read: connect ECONNREFUSED/,
  )
  t.regex(down.details.hint ?? '', /downloads\.mirror/)
})
