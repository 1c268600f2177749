import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import test from 'ava'
import fc from 'fast-check'
import { fingerprintsOf, isArmored } from '../../core/resources/shared/openpgp.ts'
import { sandbox } from './law.ts'

// The examples of RFC 9580 A.1 (version 4) and A.3 (version 6), with the fingerprints that it names.
const ED25519 = Buffer.from('xjMEU/NfCxYJKwYBBAHaRw8BAQdAPwmJlL3ZFu1AUxl5NOSofIBzOhKA1i+AEJkuQ+47JAY=', 'base64')
const FINGERPRINT = 'C959BDBAFA32A2F89A153B678CFDE12197965A9A'
const V6 = Buffer.from('xioGY4d/4xsAAAAg+U2nu0jWCmHlZ3BqZYfQMxmZu52JGggkLq2EVD34laM=', 'base64')
const FINGERPRINT6 = 'CB186C4F0609A697E4D52DFA6C722B0C1F1E27C18A56708F6525EC27BAD9ACC9'

const armor = (bytes: Uint8Array, more = ''): string =>
  `-----BEGIN PGP PUBLIC KEY BLOCK-----\n${more}\n${Buffer.from(bytes).toString('base64')}\n-----END PGP PUBLIC KEY BLOCK-----\n`

test('the examples of the RFC, as bytes and in armor', (t) => {
  t.deepEqual(fingerprintsOf(ED25519), [FINGERPRINT])
  t.deepEqual(fingerprintsOf(V6), [FINGERPRINT6])
  t.deepEqual(fingerprintsOf(Buffer.from(armor(ED25519, 'Version: x\n'))), [FINGERPRINT])
  t.deepEqual(fingerprintsOf(Buffer.from(armor(ED25519).replaceAll('\n', '\r\n'))), [FINGERPRINT])
  t.deepEqual(fingerprintsOf(Buffer.concat([ED25519, V6])), [FINGERPRINT, FINGERPRINT6])
  t.deepEqual([isArmored(ED25519), isArmored(Buffer.from(armor(ED25519)))], [false, true])
})

const BAD: readonly [bytes: Uint8Array | string, message: RegExp][] = [
  ['', /empty/],
  ['<!DOCTYPE html>', /no OpenPGP key/],
  [ED25519.subarray(0, 20), /cut off/],
  [ED25519.subarray(0, 1), /cut off/],
  [Buffer.concat([ED25519, Buffer.from([0x99])]), /cut off/],
  [Buffer.from([0xcd, 1, 65]), /does not begin/],
  [Buffer.from([0xc5, 1, 4]), /private/],
  [Buffer.from([0xc6, 1, 3]), /version 3/],
  [Buffer.from([0x9b, 1]), /no length/],
  [Buffer.from([0xc6, 0xe1]), /no length/],
  [armor(ED25519) + armor(ED25519), /several|one public key block/],
  [armor(ED25519).replaceAll('PUBLIC', 'PRIVATE'), /one public key block/],
  [armor(ED25519).replace('xjME', '<xjM'), /base64/],
]
for (const [bytes, message] of BAD)
  test(`no keyring: ${JSON.stringify(Buffer.from(bytes).toString('latin1').slice(0, 60))}`, (t) =>
    void t.throws(() => fingerprintsOf(Buffer.from(bytes)), { instanceOf: TypeError, message }))

test('any bytes are a keyring or a reason', (t) => {
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.uint8Array().map((more) => Buffer.concat([ED25519, more])),
  )
  fc.assert(
    fc.property(bytes, (one) => {
      try {
        return fingerprintsOf(one).length > 0
      } catch (error) {
        return error instanceof TypeError
      }
    }),
  )
  t.pass()
})

test('as gpg says, of all its kinds of keys', (t) => {
  if (!existsSync('/usr/bin/gpg')) {
    t.log('skipped: no gpg here')
    return t.pass()
  }
  const home = sandbox(t)
  const gpg = (...words: string[]) =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--no-tty', ...words], { stdio: 'pipe' })
  for (const kind of ['rsa2048', 'ed25519', 'nistp256'])
    gpg(
      '--pinentry-mode',
      'loopback',
      '--passphrase',
      '',
      '--quick-generate-key',
      `${kind}@example.com`,
      kind,
      'default',
      'never',
    )
  const list = gpg('--with-colons', '--fingerprint', '--list-keys').toString().split('\n')
  const primary = list.flatMap((line, index) => (line.startsWith('pub:') ? [list[index + 1]?.split(':')[9]] : []))
  t.is(primary.length, 3)
  t.deepEqual([...fingerprintsOf(gpg('--export'))], primary)
  t.deepEqual([...fingerprintsOf(gpg('--export', '--armor'))], primary)
  t.throws(() => fingerprintsOf(gpg('--export-secret-keys')), { message: /private key/ })
})
