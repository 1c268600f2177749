import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import test from 'ava'
import { type PrivateKey, readSignature, reformatKey } from 'openpgp'
import { CaravanError } from '../../core/errors.ts'
import { sandbox } from '../resources/law.ts'
import { fingerprintOf, KEY, makeKey, publisher, publishSigned, signedBy, sumsOf } from './publisher.ts'

const pins = { nomad: undefined }
const key = await makeKey()
const other = await makeKey()
const HTML = Buffer.from('<!DOCTYPE html>\n<html>Please log in</html>')

type Given = Readonly<{
  files: Map<string, Uint8Array>
  paths: Awaited<ReturnType<typeof publishSigned>>
  sums: Buffer
}>

const BAD: readonly [
  title: string,
  spoil: (given: Given) => void | Promise<void>,
  message: (url: string, paths: Given['paths']) => string | RegExp,
  hint: RegExp,
][] = [
  [
    'tampered sums',
    ({ files, paths, sums }) => void files.set(paths.sums, Buffer.from(sums.toString().replace(/^./, 'f'))),
    (url, { sums }) =>
      `${url}${sums} cannot be trusted: it is not what ${fingerprintOf(key)} signed: Signed digest did not match`,
    /compare both with what the publisher has/,
  ],
  [
    'sums of another signer',
    async ({ files, paths, sums }) => void files.set(paths.signature, await signedBy(other, sums)),
    (url, { sums }) =>
      `${url}${sums} cannot be trusted: it is signed by the key ${fingerprintOf(other).slice(-16)}, and not by ${fingerprintOf(key)}`,
    /compare both/,
  ],
  [
    'another key, sums and signature: all that a mirror can forge',
    async ({ files, paths, sums }) => {
      files.set(KEY, Buffer.from(other.toPublic().armor())).set(paths.signature, await signedBy(other, sums))
    },
    (url) => `${url}${KEY} should be the key ${fingerprintOf(key)} of hashicorp, but holds ${fingerprintOf(other)}`,
    /downloads\.keys\.hashicorp/,
  ],
  [
    'both keys in one keyring, signed by the wrong one',
    async ({ files, paths, sums }) => {
      const both = Buffer.concat([key.toPublic().write(), other.toPublic().write()])
      files.set(KEY, both).set(paths.signature, await signedBy(other, sums))
    },
    () => /cannot be trusted: it is signed by the key/,
    /compare both/,
  ],
  [
    'a signature of something else by the right key',
    async ({ files, paths }) => void files.set(paths.signature, await signedBy(key, Buffer.from('older sums'))),
    () => /it is not what [0-9A-F]{40} signed: Signed digest did not match/,
    /compare both/,
  ],
  [
    'a signature that is none',
    ({ files, paths }) => void files.set(paths.signature, Buffer.from('hello')),
    (url, { signature, sums }) =>
      new RegExp(`^${url}${signature} should be the signature of ${url}${sums}, but is none: `),
    /open http/,
  ],
  [
    'an empty signature',
    ({ files, paths }) => void files.set(paths.signature, Buffer.alloc(0)),
    () => /should be the signature of|cannot be trusted/,
    /open http|compare both/,
  ],
  [
    'a key that is none',
    ({ files }) => void files.set(KEY, Buffer.from('hello')),
    (url) => new RegExp(`^${url}${KEY} should be the key of hashicorp, but is no OpenPGP key: `),
    /open http/,
  ],
  [
    'sums that are HTML',
    ({ files, paths }) => void files.set(paths.sums, HTML),
    (url, { sums }) => `${url}${sums} should be the sums of nomad 1.6.1, but an HTML page of ${HTML.length} bytes came`,
    /portal or proxy/,
  ],
  [
    'a key that is HTML',
    ({ files }) => void files.set(KEY, HTML),
    (url) => `${url}${KEY} should be the key of hashicorp, but an HTML page of ${HTML.length} bytes came`,
    /portal or proxy/,
  ],
  [
    'a version that does not exist',
    ({ files }) => files.clear(),
    (url, { sums }) =>
      `${url}${sums} should be the sums of nomad 1.6.1, but the server answered 404: there is no such file`,
    /is there such a version\?/,
  ],
  [
    'no signature',
    ({ files, paths }) => void files.delete(paths.signature),
    (url, { signature }) =>
      `${url}${signature} should be the signature of the sums of nomad 1.6.1, but the server answered 404: there is no such file`,
    /compare with its publisher/,
  ],
  [
    'sums without the archives',
    async ({ files, paths }) => {
      const sums = sumsOf({ 'nomad_1.6.1_darwin_arm64.zip': Buffer.from('x') })
      files.set(paths.sums, sums).set(paths.signature, await signedBy(key, sums))
    },
    (url, { sums }) =>
      `${url}${sums} should name nomad_1.6.1_linux_amd64.zip or nomad_1.6.1_linux_arm64.zip, but names nomad_1.6.1_darwin_arm64.zip`,
    /published for Linux/,
  ],
  [
    'sums that are none',
    async ({ files, paths }) => {
      const sums = Buffer.from('moved to another place\n')
      files.set(paths.sums, sums).set(paths.signature, await signedBy(key, sums))
    },
    () => /, but names no file at all$/,
    /published for Linux/,
  ],
  [
    'sums without end',
    ({ files, paths }) => void files.set(paths.sums, Buffer.alloc(3 * 1024 ** 2, 'a')),
    () => /could not be read: it is over 1 MiB$/,
    /downloads\.mirror/,
  ],
]

for (const [title, spoil, message, hint] of BAD)
  test(`refused: ${title}`, async (t) => {
    const { files, url, lock, open } = await publisher(t, key)
    const paths = await publishSigned(files, key, 'nomad', '1.6.1')
    await spoil({ files, paths, sums: Buffer.from(files.get(paths.sums) ?? []) })
    const expected = message(url, paths)
    const error = await t.throwsAsync(open(pins), { instanceOf: CaravanError, message: expected })
    t.regex(error.details.hint ?? '', hint)
    t.false(existsSync(lock))
  })

const signs = async (t: Parameters<typeof publisher>[0], by: PrivateKey) => {
  const { files, open } = await publisher(t, by)
  await publishSigned(files, by, 'nomad', '1.6.1')
  return open(pins)
}

test('a key of RSA, and one that signs by a subkey', async (t) => {
  await t.notThrowsAsync(signs(t, await makeKey({ type: 'rsa', rsaBits: 2048 })))
  await t.notThrowsAsync(signs(t, await makeKey({ subkeys: [{ sign: true }] })))
})

test('what gpg signs, as HashiCorp does', async (t) => {
  if (!existsSync('/usr/bin/gpg')) {
    t.log('skipped: no gpg here')
    return t.pass()
  }
  const home = sandbox(t)
  const gpg = (words: readonly string[], input?: Uint8Array) =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--pinentry-mode', 'loopback', '--passphrase', '', ...words], {
      stdio: 'pipe',
      ...(input && { input }),
    })
  for (const kind of ['rsa2048', 'ed25519']) {
    const name = `${kind}@example.com`
    gpg(['--quick-generate-key', name, kind, 'sign', 'never'])
    const list = gpg(['--with-colons', '--list-keys', name]).toString()
    const hashicorp = /^fpr:+([0-9A-F]{40}):/m.exec(list)?.[1] ?? ''
    const { files, open, input } = await publisher(t, key)
    const { sums, signature } = await publishSigned(files, key, 'nomad', '1.6.1')
    files.set(signature, gpg(['--local-user', name, '--detach-sign'], files.get(sums)))
    files.set(KEY, gpg(['--armor', '--export', name]))
    const downloads = { ...input({}).inventory.downloads, keys: { hashicorp } }
    await t.notThrowsAsync(open(pins, { downloads }), kind)
    files.set(signature, gpg(['--local-user', name, '--detach-sign'], Buffer.from('other')))
    await t.throwsAsync(open(pins, { downloads }), { message: /is not what .* signed/ }, kind)
  }
})

test('armored signature, binary key, several keys in the keyring', async (t) => {
  const { files, open } = await publisher(t, key)
  const { signature } = await publishSigned(files, key, 'nomad', '1.6.1')
  const bytes = files.get(signature) ?? new Uint8Array()
  files.set(signature, Buffer.from((await readSignature({ binarySignature: new Uint8Array(bytes) })).armor()))
  files.set(KEY, Buffer.concat([other.toPublic().write(), key.toPublic().write()]))
  await t.notThrowsAsync(open(pins))
})

test('the fingerprint of the inventory may be written as gpg prints it', async (t) => {
  const { files, open, input } = await publisher(t, key)
  await publishSigned(files, key, 'nomad', '1.6.1')
  const { downloads } = input({}).inventory
  const spaced = fingerprintOf(key)
    .toLowerCase()
    .replaceAll(/(.{4})/g, '$1 ')
  await t.notThrowsAsync(open(pins, { downloads: { ...downloads, keys: { hashicorp: spaced } } }))
})

test("without a key in the inventory, the publisher's own is the one that counts", async (t) => {
  const { files, open, input } = await publisher(t, key)
  await publishSigned(files, key, 'nomad', '1.6.1')
  const { downloads } = input({}).inventory
  await t.throwsAsync(open(pins, { downloads: { ...downloads, keys: {} } }), {
    message: /should be the key C874011F0AB405110D02105534365D9472D7468F of hashicorp, but holds/,
  })
})

test('a key that has expired since still proves what it signed before, and nothing later', async (t) => {
  const year = 365 * 24 * 3600
  const begin = new Date(Date.now() - 2 * year * 1000)
  const endless = await makeKey({ date: begin })
  const { privateKey: expired } = await reformatKey({
    privateKey: endless,
    userIDs: [{ name: 'Test' }],
    keyExpirationTime: year,
    date: begin,
    format: 'object',
  })
  t.is(fingerprintOf(expired), fingerprintOf(endless))
  const { files, open } = await publisher(t, endless)
  const { sums, signature } = await publishSigned(files, endless, 'nomad', '1.6.1')
  files.set(KEY, Buffer.from(expired.toPublic().armor()))
  await t.throwsAsync(open(pins), { message: /cannot be trusted: it is not what .* signed: .*expired/i })
  const before = new Date(begin.getTime() + 1_000_000)
  files.set(signature, await signedBy(endless, files.get(sums) ?? new Uint8Array(), before))
  await t.notThrowsAsync(open(pins))
})
