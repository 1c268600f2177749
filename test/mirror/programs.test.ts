import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { readCatalogue } from '../../core/artifacts/catalogue.ts'
import { moduleDirectory } from '../../lab/mirror/paths.ts'
import { PROGRAMS } from '../../lab/mirror/programs.ts'

const { sets } = readCatalogue('versions.yaml')

test('the machines get the versions of the set `current`, as far as they can be built', (t) => {
  const { dataplaneapi: _, ...current } = sets.current
  const built = PROGRAMS.filter(({ use }) => use === 'lab').map(({ product, version }) => [product, version])
  t.deepEqual(Object.fromEntries(built), current)
})

for (const program of PROGRAMS)
  test(`the module of ${program.product} ${program.version} pins what is built`, (t) => {
    const directory = moduleDirectory(program)
    const [go, pinned] = ['go.mod', 'tools.go'].map((name) => readFileSync(join(directory, name), 'utf8'))
    t.true(existsSync(join(directory, 'go.sum')))
    t.true(program.targets.length > 0)
    for (const { package: path } of program.targets) {
      t.true(pinned?.includes(`_ "${path}"\n`), path)
      const required = Array.from(go?.matchAll(/^(?:require|\t)\s*(\S+) v(\S+)$/gm) ?? [], ([, name, version]) => ({
        name,
        version,
      }))
      const owner = required.find(({ name }) => name === path || path.startsWith(`${name}/plugins/`))
      t.is(owner?.version, program.version, path)
    }
  })
