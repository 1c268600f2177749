import { type Catalogue, licenceOf } from '../artifacts/catalogue.ts'
import { choose, productsOf } from '../artifacts/choose.ts'
import type { Play } from '../declare/play.ts'

/** What the plays install, in which version and under which licence; no lines when that is nothing. */
export const licenceLines = (catalogue: Catalogue, plays: readonly Play[]): readonly string[] => {
  const found = new Map<string, string>()
  for (const { role } of plays) {
    const pins = role.products(role.vars.parse({}))
    for (const product of productsOf(pins)) {
      const { version } = choose(catalogue, { file: '', versions: { set: 'current' } }, product, pins)
      found.set(`${product} ${version}`, licenceOf(catalogue, product, version))
    }
  }
  const width = Math.max(0, ...[...found.keys()].map(({ length }) => length))
  const lines = [...found].map(([name, licence]) => `  ${name.padEnd(width)}  ${licence}`)
  return lines.length === 0 ? [] : ['The site installs, under these licences:', ...lines, '']
}
