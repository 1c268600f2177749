import { execFileSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import type { CertificateAuthority } from '../../core/declare/means.ts'
import { ApplyError } from '../../core/errors.ts'
import {
  type CertificateHave,
  type CertificateOptions,
  certificate,
  certificateType,
} from '../../core/resources/certificate.ts'
import { issue } from '../../core/resources/shared/issue.ts'
import type { PathState } from '../../core/resources/shared/observe.ts'
import { applyOnce, differences, HOSTILE, law, lawOfUnknown, me, observe, sandbox, snapshot } from './law.ts'
import { fragment } from './sh.ts'
import { diffTable, garbageTable, show, wrongTable } from './tables.ts'

const DAY = 86_400_000

/** A CA that ends after so many days. `identifier`: its own; by default made from its key. */
const authority = async (name: string, days = 3650, identifier?: string | false): Promise<CertificateAuthority> => {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, ['sign', 'verify'])
  const own =
    identifier === undefined
      ? await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)
      : new x509.SubjectKeyIdentifierExtension(identifier || '00')
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}, O=Example`,
    notBefore: new Date(Date.now() - DAY),
    notAfter: new Date(Date.now() + days * DAY),
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ...(identifier === false ? [] : [own]),
    ],
  })
  return { certificate: made.toString('pem'), signingKey: async () => keys.privateKey }
}

const ca = await authority('CA one')
// its identifier is not made from its key
const other = await authority('CA one', 3650, '00112233')
const leaf = new x509.X509Certificate(
  (await issue({ subject: 'x', names: ['x'], days: 1, ca })).split(/(?=-----BEGIN PRIVATE)/)[0] ?? '',
)

const NAMES = ['server.dc1.consul', 'localhost', '127.0.0.1', '10.33.0.2', '::1']
const options: CertificateOptions = { subject: 'server.dc1.consul', names: NAMES, ca, ...me }
const want = certificate('/etc/x.pem', options).want
const now = Date.UTC(2026, 0, 100)
const found = {
  subject: 'CN=server.dc1.consul',
  names: [...NAMES].reverse(),
  notBefore: now - DAY,
  notAfter: now + 10 * DAY,
  byCa: true,
  hasKey: true,
}
const state: PathState = {
  kind: 'file',
  owner: me.owner,
  group: me.group,
  uid: me.owner,
  gid: me.group,
  mode: '0600',
  size: 1,
}
const have = (changes: Partial<typeof found> = {}): CertificateHave => ({ state, found: { ...found, ...changes }, now })
const until = (days: number) => new Date(now + days * DAY).toISOString()

diffTable(certificateType, [
  ['equal, in any order', want, have(), []],
  ['absent', want, { state: { kind: 'absent' }, found: undefined, now }, ['state: absent → issued']],
  ['a link', want, { state: { ...state, kind: 'symlink' }, found: undefined, now }, ['kind: symlink → certificate']],
  ['something else in the file', want, { state, found: undefined, now }, ['certificate: none in this file → issued']],
  ['no key', want, have({ hasKey: false }), ['key: none in this file → issued']],
  ['subject', want, have({ subject: 'CN=x' }), ['subject: CN=x → CN=server.dc1.consul']],
  [
    'a name too many',
    want,
    have({ names: [...NAMES, 'x'] }),
    [`names: ${[...NAMES, 'x'].sort().join(', ')} → ${[...NAMES].sort().join(', ')}`],
  ],
  [
    'a name is missing',
    want,
    have({ names: NAMES.slice(1) }),
    [`names: ${NAMES.slice(1).sort().join(', ')} → ${[...NAMES].sort().join(', ')}`],
  ],
  ['another CA', want, have({ byCa: false }), ['issuer: another CA → this CA']],
  ['a third of its life is left', want, have({ notBefore: now - 20 * DAY }), []],
  ['less than a third', want, have({ notBefore: now - 20 * DAY - 1 }), [`valid until: ${until(10)} → renewed`]],
  ['over', want, have({ notAfter: now - DAY, notBefore: now - 2 * DAY }), [`valid until: ${until(-1)} → renewed`]],
  ['not yet valid', want, have({ notBefore: now + 1 }), [`valid until: ${until(10)} → renewed`]],
  ['mode', want, { ...have(), state: { ...state, mode: '0644' } }, ['mode: 0644 → 0600']],
])

const declared =
  (changes: Partial<CertificateOptions>, path = '/x.pem') =>
  () =>
    certificate(path, { ...options, ...changes })
wrongTable([
  [declared({}, 'x.pem'), /relative/],
  [declared({}, '/'), /directory/],
  [declared({ subject: '' }), /no common name/],
  [declared({ subject: 'a\nb' }), /no common name/],
  [declared({ subject: 'a, O=b' }), /no common name/],
  [declared({ names: [] }), /at least one/],
  ...['', 'a b', 'a..b', '*', 'a.*.b', 'https://a', "a'", '10.0.0.1/8', 'ä.example.com'].map(
    (name) => [declared({ names: [name] }), /neither a DNS name nor an IP address/] as const,
  ),
  [declared({ days: 0 }), /days 0/],
  [declared({ days: 1.5 }), /days 1.5/],
  [declared({ mode: '7777777' }), /octal/],
  [declared({ ca: { ...ca, certificate: 'x' } }), /CA cannot be used/],
  [declared({ ca: { ...ca, certificate: leaf.toString('pem') } }), /CA cannot be used: it may not sign others/],
])

garbageTable('certificate', (output) => certificateType.parse(output, [certificate('/x', options)]), [
  '',
  'f\n81a4:0:0:1:root:root\n',
  'f\n81a4:0:0:1:root:root\n!\n',
  `f\n81a4:0:0:1:root:root\n${Buffer.from('x\n').toString('base64')}\n`,
  '-\nQQ==\n',
])

test('it is owned by its path, which is also its input; it is never shown', (t) => {
  t.is(certificateType.identity?.('/x'), 'path:/x')
  t.deepEqual(certificateType.inputs?.('/x', want), ['/x'])
  t.true(certificateType.sensitive?.(want))
})

const issued = (path: string) => new X509Certificate(readFileSync(path))

for (const name of HOSTILE)
  test(`law: ${JSON.stringify(name)}`, async (t) => {
    const directory = sandbox(t)
    mkdirSync(join(directory, name))
    const path = join(directory, name, name)
    t.deepEqual((await law(t, directory, certificate(path, options))).map(show), ['state: absent → issued'])
    t.is(statSync(path).mode & 0o777, 0o600)
    const before = issued(path).fingerprint256
    t.deepEqual((await law(t, directory, certificate(path, { ...options, mode: '0640' }))).map(show), [
      'mode: 0600 → 0640',
    ])
    t.is(issued(path).fingerprint256, before)
    t.deepEqual(
      (await law(t, directory, certificate(path, { ...options, ca: other }))).map(({ property }) => property),
      ['issuer', 'mode'],
    )
  })

test('what is issued: names, times, usages, and the key that fits', async (t) => {
  const path = join(sandbox(t), 'x.pem')
  await lawOfUnknown(t, sandbox(t), certificate(path, { ...options, days: 30 }))
  const one = issued(path)
  t.true(one.checkPrivateKey(createPrivateKey(readFileSync(path))))
  t.is(one.subject, 'CN=server.dc1.consul')
  t.is(
    one.subjectAltName,
    'DNS:server.dc1.consul, DNS:localhost, IP Address:127.0.0.1, IP Address:10.33.0.2, IP Address:0:0:0:0:0:0:0:1',
  )
  t.deepEqual(one.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  t.false(one.ca)
  const days = (one.validToDate.getTime() - Date.now()) / DAY
  t.true(days > 29.9 && days <= 30)
  t.true(one.validFromDate.getTime() < Date.now())
})

test('OpenSSL agrees, and so does a TLS server with the one file', async (t) => {
  const directory = sandbox(t)
  const path = join(directory, 'x.pem')
  for (const by of [ca, other]) {
    await law(t, directory, certificate(path, { ...options, ca: by, names: [...NAMES, '*.example.com'] }))
    const pem = readFileSync(path)
    const server = createServer({
      key: pem,
      cert: pem,
      ca: by.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const client = connect({ port, host: '127.0.0.1', ca: by.certificate, cert: pem, key: pem })
    await new Promise<void>((resolve, reject) => client.once('secureConnect', resolve).once('error', reject))
    t.true(client.authorized)
    client.destroy()
    server.close()
    if (!existsSync('/usr/bin/openssl')) t.log('skipped: no openssl here')
    else {
      const file = join(directory, 'ca.pem')
      writeFileSync(file, by.certificate)
      for (const purpose of ['sslserver', 'sslclient'])
        t.is(
          execFileSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', file, path]).toString(),
          `${path}: OK\n`,
        )
    }
  }
})

test('no line of a key is ever brought home', async (t) => {
  const directory = sandbox(t)
  const path = (name: string) => join(directory, name)
  await applyOnce(certificate(path('both'), options))
  const pem = readFileSync(path('both'), 'utf8')
  const key = /-----BEGIN PRIVATE KEY-----\n([\s\S]*?)\n-----END/.exec(pem)?.[1] ?? ''
  writeFileSync(path('torn'), pem.replace('-----END CERTIFICATE-----\n', ''))
  writeFileSync(
    path('first'),
    `${pem.slice(pem.indexOf('-----BEGIN PRIVATE'))}${pem.slice(0, pem.indexOf('-----BEGIN PRIVATE'))}`,
  )
  writeFileSync(path('crlf'), pem.replaceAll('\n', '\r\n'))
  writeFileSync(path('no-key'), pem.slice(0, pem.indexOf('-----BEGIN PRIVATE')))
  writeFileSync(path('other'), 'hello')
  writeFileSync(path('binary'), Buffer.alloc(100_000))
  symlinkSync('both', path('link'))
  const names = ['both', 'torn', 'first', 'crlf', 'no-key', 'other', 'binary', 'link', 'missing']
  const all = names.map((name) => certificate(path(name), options))
  const { stdout } = await fragment(certificateType.probe(all))
  const printed = stdout
    .split('\n')
    .map((line) => Buffer.from(line, 'base64').toString())
    .join('\n')
  t.true(key.length > 100)
  // the secret number is in the first two lines; the public point in the third may stand in the certificate as well
  for (const line of key.split('\n').slice(0, 2)) t.false(printed.includes(line), line)
  const haves = (await observe(all)) as readonly CertificateHave[]
  t.deepEqual(
    haves.map(({ found }) => found?.hasKey),
    [true, undefined, true, true, false, undefined, undefined, undefined, undefined],
  )
  t.deepEqual((await differences(certificate(path('first'), { ...options, mode: '0644' }))).map(show), [])
})

test('a CA that ends signs no longer than it lives, and at last not at all', async (t) => {
  const directory = sandbox(t)
  const short = await authority('short', 10, false)
  await law(t, directory, certificate(join(directory, 'x'), { ...options, ca: short }))
  const end = new X509Certificate(short.certificate).validToDate.getTime()
  t.is(issued(join(directory, 'x')).validToDate.getTime(), end)
  const over = await authority('over', 0.5)
  const before = snapshot(directory, { times: true })
  await t.throwsAsync(applyOnce(certificate(join(directory, 'x'), { ...options, ca: over })), {
    instanceOf: ApplyError,
    message: /the CA is valid until/,
  })
  t.deepEqual(snapshot(directory, { times: true }), before)
})

test('to observe and to compare takes no key', async (t: ExecutionContext) => {
  const blind: CertificateAuthority = {
    certificate: ca.certificate,
    signingKey: () => t.fail('the key was asked for') as never,
  }
  const path = join(sandbox(t), 'x')
  await applyOnce(certificate(path, options))
  t.deepEqual(await differences(certificate(path, { ...options, ca: blind })), [])
})
