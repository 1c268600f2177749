import { execFileSync } from 'node:child_process'
import test from 'ava'
import { passwordHash } from '../../core/secrets/password-hash.ts'
import { Secret } from '../../core/secrets/secret.ts'

const hashOf = (password: string): string => passwordHash(Secret.of('p', password)).reveal()

test('it is what openssl makes with the same salt, and always the same', (t) => {
  for (const password of ['abcdefghijkl', 'Hello world!', 'x'.repeat(200), 'A1b2C3d4E5f6G7h8J9k0L1m2N3p4Q5r6']) {
    const hash = hashOf(password)
    const [, kind, salt = ''] = hash.split('$')
    t.is(kind, '6')
    t.regex(salt, /^[./0-9A-Za-z]{16}$/)
    t.is(
      execFileSync('openssl', ['passwd', '-6', '-salt', salt, '-stdin'], { input: password }).toString().trim(),
      hash,
    )
    t.is(hashOf(password), hash)
  }
})

test('other passwords have other salts, and the hash is a secret', (t) => {
  t.not(hashOf('abcdefghijkl').slice(0, 20), hashOf('abcdefghijkm').slice(0, 20))
  t.is(JSON.stringify(passwordHash(Secret.of('p', 'abcdefghijkl'))), '"[secret hash of p]"')
})
