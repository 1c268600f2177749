import test from 'ava'
import fc from 'fast-check'
import { atLeast, compareVersions, isWithin } from '../../core/declare/version.ts'
import { DeclarationError } from '../../core/errors.ts'

const version = fc.tuple(fc.nat(999), fc.nat(999), fc.nat(999))

test('versions are compared by their numbers, the first first', (t) => {
  fc.assert(
    fc.property(version, version, (one, other) => {
      const [a, b] = one.map((part, at) => part - (other[at] ?? 0)).filter((part) => part !== 0)
      t.is(Math.sign(compareVersions(one.join('.'), other.join('.'))), Math.sign(a ?? b ?? 0))
    }),
  )
  t.true(atLeast('1.10.0', '1.9.9'))
  t.true(atLeast('1.8.4', '1.8.4'))
  t.false(atLeast('1.8.3', '1.8.4'))
})

test('ranges hold both their ends', (t) => {
  const within = ['2.7.0', '2.7.1', '2.7.3', '2.7.5', '2.7.6', '2.8.0'].filter((one) => isWithin(one, '2.7.1 - 2.7.5'))
  t.deepEqual(within, ['2.7.1', '2.7.3', '2.7.5'])
  t.deepEqual(
    ['2.8.0', '2.8.1'].filter((one) => isWithin(one, '2.8.0')),
    ['2.8.0'],
  )
})

for (const bad of ['', '1.8', '1.8.x', 'v1.8.0', '1.8.0-rc1', '01.8.0', '1.8.0\n', '1..0'])
  test(`no version: ${JSON.stringify(bad)}`, (t) => {
    t.throws(() => atLeast('1.8.0', bad), { instanceOf: DeclarationError, message: /is no version such as 1\.10\.5/ })
    t.throws(() => atLeast(bad, '1.8.0'), { instanceOf: DeclarationError })
  })
