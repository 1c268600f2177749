import { readFileSync } from 'node:fs'
import test from 'ava'
import { licenceOf, parseCatalogue, readCatalogue } from '../../core/artifacts/catalogue.ts'
import { offerOf } from '../../core/artifacts/offer.ts'
import { PRODUCTS, SETS } from '../../core/declare/products.ts'
import { CaravanError } from '../../core/errors.ts'

const text = readFileSync('versions.yaml', 'utf8')
const catalogue = readCatalogue('versions.yaml')

test('the sets hold no version that is refused, and every URL of theirs is whole', (t) => {
  for (const set of SETS)
    for (const product of PRODUCTS) {
      const version = catalogue.sets[set][product]
      t.is(catalogue.products[product].refused[version], undefined, `${set} ${product}`)
      const { archives, proof } = offerOf(catalogue, { by: 'host', keys: {} }, product, version)
      t.deepEqual([...archives.keys()], ['amd64', 'arm64'])
      for (const url of [...archives.values()].flatMap((one) => [one.url, one.sums]).concat(proof?.signature ?? [])) {
        t.true(URL.canParse(url) && url.includes(version) && !/[{}]/.test(url), url)
      }
    }
})

test('licences by version', (t) => {
  t.is(licenceOf(catalogue, 'nomad', '1.6.10'), 'MPL-2.0; BUSL-1.1 from 1.7.0')
  t.is(licenceOf(catalogue, 'nomad', '1.7.0'), 'BUSL-1.1')
  t.is(licenceOf(catalogue, 'consul', '1.16.6'), 'MPL-2.0; BUSL-1.1 from 1.17.0')
  t.is(licenceOf(catalogue, 'consul', '2.1.0'), 'BUSL-1.1')
  t.is(licenceOf(catalogue, 'coredns', '1.14.7'), 'Apache-2.0')
})

const lineOf = (part: string): number => text.slice(0, text.indexOf(part)).split('\n').length
const { current } = catalogue.sets
const BAD: readonly [title: string, from: string, to: string, message: string][] = [
  [
    'an unknown product',
    `    coredns: ${current.coredns}`,
    `    core-dns: ${current.coredns}`,
    ':5: unknown key "core-dns" (did you mean "coredns"?)',
  ],
  [
    'half a version',
    `nomad: ${current.nomad}`,
    'nomad: 1.6',
    ':12: nomad: must be a version such as 1.10.5, with three numbers',
  ],
  [
    'a short key id',
    'C874 011F 0AB4 0511 0D02 1055 3436 5D94 72D7 468F',
    '72D7468F',
    ': fingerprint: must be the fingerprint',
  ],
  ['plain http', 'key: https:', 'key: http:', ':10: key: must be an https URL'],
  [
    'a placeholder that is none',
    'nomad_{version}_linux_{arch}.zip',
    'nomad_{v}_linux_{arch}.zip',
    'archive: must be an https URL',
  ],
  ['no signer', '    signer: hashicorp\n', '', 'signature and signer belong together'],
  ['a bad range', '2.7.1 - 2.7.5', '2.7.1 2.7.5', 'versions[0]: must be a version, or a range such as 2.7.1 - 2.7.5'],
]
for (const [title, from, to, message] of BAD)
  test(`refused: ${title}`, (t) => {
    const error = t.throws(() => parseCatalogue(text.replace(from, to), 'versions.yaml'), { instanceOf: CaravanError })
    t.true(error.message.includes(message), error.message)
    if (title !== 'no signer') t.regex(error.message, new RegExp(`^versions\\.yaml:${lineOf(from)}:`, 'm'))
  })
