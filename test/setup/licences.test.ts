import test from 'ava'
import { readCatalogue } from '../../core/artifacts/catalogue.ts'
import { defineRole, play, z } from '../../core/index.ts'
import { licenceLines } from '../../core/setup/licences.ts'

const catalogue = readCatalogue('versions.yaml')
const vars = z.strictObject({ version: z.string().optional() })
const docker = defineRole('docker', vars, () => [])
const nomad = defineRole('nomad', vars, () => [], { products: ({ version }) => ({ nomad: version }) })
const names = defineRole('names', vars, () => [], { products: () => ({ consul: '1.18.2', coredns: undefined }) })

test('each product once, with its version and its licence', (t) => {
  const { current } = catalogue.sets
  const width = Math.max(...[`nomad ${current.nomad}`, `coredns ${current.coredns}`].map(({ length }) => length))
  const lines = licenceLines(
    catalogue,
    [docker, nomad, names, nomad].map((role) => play(role)),
  )
  t.is(lines[0], 'The site installs, under these licences:')
  t.regex(lines[1] ?? '', new RegExp(`^  nomad ${current.nomad} +[A-Z].*BUSL-1\\.1`))
  t.deepEqual(lines.slice(2), [
    `  ${'consul 1.18.2'.padEnd(width)}  BUSL-1.1`,
    `  ${`coredns ${current.coredns}`.padEnd(width)}  Apache-2.0`,
    '',
  ])
})

test('a site that installs nothing says nothing', (t) => {
  t.deepEqual(licenceLines(catalogue, [play(docker)]), [])
})
