import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import fc from 'fast-check'
import { type Change, type Resource, Unknown } from '../../core/declare/resource.ts'
import { DeclarationError } from '../../core/errors.ts'
import { sandbox } from '../resources/law.ts'
import { sh } from '../resources/sh.ts'
import { hostile } from '../secrets/hostile.ts'
import { seed, tries } from './seed.ts'

/** Texts that hurt, some of which no host can be told: NUL bytes, halves of characters. */
export const texts = (offset: number, usual = 40): readonly string[] => {
  const broken = fc.tuple(hostile, fc.constantFrom('\0', '\ud800', '\udc00'), hostile).map((parts) => parts.join(''))
  const any = fc.oneof({ weight: 9, arbitrary: hostile }, { weight: 1, arbitrary: broken })
  return fc.sample(any, { numRuns: tries(usual), seed: seed + offset })
}

/** As the name of a file: no slash, not a way up, short enough. */
export const asName = (text: string): string => {
  const name = [...text.replaceAll('/', '|')].slice(0, 50).join('')
  return name === '' || name === '.' || name === '..' ? `${name}x` : name
}

/** One thing that is declared with a hostile text, and how to see what came of it. */
export type Field = Readonly<{
  /** `dir` is there for this text alone. @throws DeclarationError */
  declare: (dir: string, text: string) => Resource
  /** Whether the text arrived byte for byte. */
  came: (dir: string, text: string, resource: Resource) => boolean
  /** Makes scripts fit for a host that is a directory: paths of the host, and where in the directory they are. */
  moved?: readonly (readonly [path: string, inside: string])[]
  /** What all texts of one directory need. */
  begin?: (root: string) => void
  /** What `declare` needs. */
  prepare?: (dir: string) => void
  env?: (root: string) => Readonly<Record<string, string>>
  /** False: nothing that could be observed. Default: after apply nothing differs. */
  observed?: false
  /** What the plan would have decided, beside what differs. */
  changes?: readonly Change[]
  /** Resources of one script. Default 200. */
  batch?: number
}>

type Item = Readonly<{ dir: string; text: string; resource: Resource }>

/**
 * Declares, applies and observes a field with many hostile texts, through the real `sh`: each arrives, or is refused by
 * a DeclarationError. The test ends with how many did.
 */
export const arrives = async (t: ExecutionContext, field: Field, offset: number): Promise<void> => {
  t.timeout(60 * 60_000)
  const all = texts(offset)
  let refused = 0
  const { batch = 200 } = field
  for (let from = 0; from < all.length; from += batch) {
    const root = sandbox(t)
    field.begin?.(root)
    const items = all.slice(from, from + batch).flatMap((text, index): readonly Item[] => {
      const dir = join(root, `${index}`)
      mkdirSync(dir)
      field.prepare?.(dir)
      try {
        return [{ dir, text, resource: field.declare(dir, text) }]
      } catch (error) {
        if (!(error instanceof DeclarationError)) throw new Error(JSON.stringify(text), { cause: error })
        refused++
        return []
      }
    })
    await tryAll(t, field, items, root)
  }
  t.log(`seed ${seed}: ${all.length - refused} arrived, ${refused} were refused`)
  t.true(refused < all.length)
}

const tryAll = async (t: ExecutionContext, field: Field, items: readonly Item[], root: string): Promise<void> => {
  const run = async (script: string): Promise<string> => {
    const moves = field.moved ?? []
    const there = moves.reduce((text, [path, inside]) => text.replaceAll(path, root + inside), script)
    const { code, stdout, stderr } = await sh(there, { env: field.env?.(root) ?? {} })
    if (code !== 0) throw new Error(`exit ${code}: ${stderr.slice(0, 2000)}`)
    return moves.reduce((text, [path, inside]) => text.replaceAll(root + inside, path), stdout)
  }
  const [first] = items
  if (first === undefined) return
  const { type } = first.resource
  const resources = items.map(({ resource }) => resource)
  const observe = async (): Promise<ReadonlyMap<string, unknown>> =>
    field.observed === false ? new Map() : type.parse(await run(`(\n${type.probe(resources)}\n) </dev/null`), resources)
  const before = await observe()
  const fragments = await Promise.all(
    items.map(({ resource: { id, want } }) => {
      const have = before.get(id) ?? new Unknown('not asked')
      const differs = Unknown.is(have) ? [] : type.diff(want, have, { changes: () => false })
      const changes = [...differs, ...(field.changes ?? [])]
      return type.apply({ id, want, have, changes, upload: () => t.fail() as never })
    }),
  )
  const framed = fragments.map((text, index) => `(\nset -e\n${text}\n) </dev/null >&2 || echo ${index}`)
  const failed = (await run(framed.join('\n'))).split('\n').filter((line) => line !== '')
  t.deepEqual(
    failed.map((index) => items[Number(index)]?.text),
    [],
    'the apply failed',
  )
  const after = await observe()
  for (const { dir, text, resource } of items) {
    if (!field.came(dir, text, resource)) t.fail(`did not arrive: ${JSON.stringify(text)} (seed ${seed})`)
    const have = after.get(resource.id)
    if (Unknown.is(have)) t.fail(`cannot be observed: ${JSON.stringify(text)} (seed ${seed})`)
    const left = after.size === 0 ? [] : type.diff(resource.want, have, { changes: () => false })
    if (left.length > 0) t.fail(`still differs: ${JSON.stringify([text, left])} (seed ${seed})`)
  }
}
