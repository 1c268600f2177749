import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { ProbeError } from '../../core/errors.ts'
import { type JsonOptions, json, jsonType } from '../../core/resources/json.ts'
import { mergePatch } from '../../core/resources/shared/json.ts'
import { applyOnce, differences, HOSTILE, law, me, observe, sandbox, snapshot } from './law.ts'
import { fragment } from './sh.ts'
import { garbageTable, show, wrongTable } from './tables.ts'

type Merge = JsonOptions['merge']

const ROWS: readonly [
  title: string,
  merge: Merge,
  before: string | undefined,
  changes: readonly string[],
  after: unknown,
][] = [
  ['equal', { a: 1 }, '{"a":1}', [], { a: 1 }],
  ['the order of keys', { b: { d: 1, c: 2 }, a: 1 }, '{"a":1,"b":{"c":2,"d":1}}', [], { a: 1, b: { c: 2, d: 1 } }],
  ['no file', { a: { b: 1 } }, undefined, ['state: absent → present', 'a.b: (absent) → 1'], { a: { b: 1 } }],
  ['no file, nothing to say', {}, undefined, ['state: absent → present'], {}],
  ['an empty file', { a: 1 }, ' \n', ['a: (absent) → 1'], { a: 1 }],
  [
    'a leaf',
    { 'log-opts': { 'max-size': '50m' } },
    '{"log-opts":{"max-file":"3"}}',
    ['log-opts.max-size: (absent) → "50m"'],
    { 'log-opts': { 'max-file': '3', 'max-size': '50m' } },
  ],
  [
    'arrays are leaves',
    { dns: ['10.0.0.1'] },
    '{"dns":["10.0.0.1","1.1.1.1"],"x":0}',
    ['dns: ["10.0.0.1","1.1.1.1"] → ["10.0.0.1"]'],
    { dns: ['10.0.0.1'], x: 0 },
  ],
  ['another kind', { a: { b: 1 } }, '{"a":5}', ['a: 5 → {"b":1}'], { a: { b: 1 } }],
  ['an object for a leaf', { a: 5 }, '{"a":{"b":1}}', ['a: {"b":1} → 5'], { a: 5 }],
  [
    'null removes',
    { a: null, b: { c: null } },
    '{"a":1,"b":{"c":2,"d":3}}',
    ['a: 1 → (absent)', 'b.c: 2 → (absent)'],
    { b: { d: 3 } },
  ],
  ['null of nothing', { a: null }, '{}', [], {}],
  ['an empty object', { a: {} }, '{}', ['a: (absent) → {}'], { a: {} }],
  ['an object of nulls', { a: { b: null } }, '{}', ['a: (absent) → {}'], { a: {} }],
  ['1 is 1.0', { a: 1 }, '{"a":1.0}', [], { a: 1 }],
  ['a byte order mark', { a: 1 }, '\ufeff{}', ['a: (absent) → 1'], { a: 1 }],
  ['hostile keys', { 'a.b': { "it's\n": 1 } }, '{}', ['"a.b"."it\'s\\n": (absent) → 1'], { 'a.b': { "it's\n": 1 } }],
]

for (const [title, merge, before, changes, after] of ROWS)
  test(`law: ${title}`, async (t) => {
    const directory = sandbox(t)
    const path = join(directory, 'daemon.json')
    if (before !== undefined) writeFileSync(path, before)
    const found = await law(t, directory, json(path, { merge, ...me }))
    t.deepEqual(found.map(show), [...changes])
    t.deepEqual(JSON.parse(readFileSync(path, 'utf8').replace('\ufeff', '')), after)
    t.deepEqual(readdirSync(directory), ['daemon.json'])
  })

for (const name of HOSTILE)
  test(`law: ${JSON.stringify(name)}`, async (t) => {
    const directory = sandbox(t)
    const path = join(directory, name)
    writeFileSync(path, JSON.stringify({ [name]: name }), { mode: 0o600 })
    const changes = await law(t, directory, json(path, { merge: { other: name }, ...me }))
    t.deepEqual(
      changes.map(({ property }) => property),
      ['other', 'mode'],
    )
    t.is(readFileSync(path, 'utf8'), `${JSON.stringify({ [name]: name, other: name }, null, 2)}\n`)
    t.deepEqual(readdirSync(directory), [name])
  })

test("law: others' numbers stay as they are written, and their __proto__ a key", async (t) => {
  const directory = sandbox(t)
  const path = join(directory, 'x')
  writeFileSync(path, '{"big":12345678901234567890,"list":[1.0,-0,1e400],"__proto__":{"a":1}}')
  await law(t, directory, json(path, { merge: { new: 1 }, ...me }))
  const text = readFileSync(path, 'utf8').replace(/\s/g, '')
  t.is(text, '{"big":12345678901234567890,"list":[1.0,-0,1e400],"__proto__":{"a":1},"new":1}')
})

test('law: only the owner and mode are mended where the values are right', async (t) => {
  const directory = sandbox(t)
  const path = join(directory, 'x')
  writeFileSync(path, '{"a":\t1}', { mode: 0o600 })
  await law(t, directory, json(path, { merge: { a: 1 }, ...me }))
  t.is(readFileSync(path, 'utf8'), '{"a":\t1}')
})

test('a merge patch is what RFC 7396 says, and applied twice is applied once', (t) => {
  const value = fc.jsonValue({ maxDepth: 3 })
  fc.assert(
    fc.property(value, value, (target, patch) => {
      const once = mergePatch(target as never, patch as never)
      t.deepEqual(mergePatch(once, patch as never), once)
    }),
  )
})

wrongTable([
  [() => json('x', { merge: {} }), /relative/],
  [() => json('/x\0', { merge: {} }), /NUL/],
  [() => json('/x', { merge: [] as never }), /plain JSON/],
  [() => json('/x', { merge: undefined as never }), /plain JSON/],
  [() => json('/x', { merge: { a: Number.NaN } }), /plain JSON/],
  [() => json('/x', { merge: { a: undefined as never } }), /plain JSON/],
  [() => json('/x', { merge: {}, mode: '9' }), /octal/],
  [() => json('/x', { merge: {}, validate: 'true' }), /never looks/],
])

garbageTable('json', (output) => jsonType.parse(output, [json('/x', { merge: {} })]), ['', 'f\n', '-', '-\n{}\n'])

test('merge: two roles may own different keys', (t) => {
  const want = (merge: Merge, options = {}) => json('/x', { merge, ...options }).want
  t.deepEqual(jsonType.merge?.(want({ a: { b: 1 } }), want({ a: { c: 2 }, d: 3 })), want({ a: { b: 1, c: 2 }, d: 3 }))
  t.is(jsonType.merge?.(want({ a: { b: 1 } }), want({ a: { b: 2 } })), undefined)
  t.is(jsonType.merge?.(want({ a: { b: 1 } }), want({ a: null })), undefined)
  t.is(jsonType.merge?.(want({ a: 1 }), want({ b: 1 }, { mode: '0600' })), undefined)
  t.is(jsonType.identity?.('/x'), 'path:/x')
  t.deepEqual(jsonType.inputs?.('/x', want({})), ['/x'])
})

const INVALID: readonly [content: string | Buffer, message: RegExp][] = [
  ['{"a":1,\n}', /it holds no JSON object: .*position 8 \(line 2 column 1\)/],
  ['{"a":', /it holds no JSON object: Unexpected end/],
  ['[1]', /its top level is an array/],
  ['"text"', /its top level is string/],
  [Buffer.from([0x7b, 0xff, 0x7d]), /it holds no JSON object: .*not valid for encoding utf-8/i],
  [Buffer.alloc(1024 * 1024 + 1, ' '), /over 1 MiB/],
]

for (const [content, message] of INVALID)
  test(`fails: ${message.source}`, async (t) => {
    const directory = sandbox(t)
    writeFileSync(join(directory, 'x'), content)
    const before = snapshot(directory, { times: true })
    const error = await t.throwsAsync(differences(json(join(directory, 'x'), { merge: { a: 1 }, ...me })), {
      instanceOf: ProbeError,
      message,
    })
    t.truthy(error.details.hint)
    t.deepEqual(snapshot(directory, { times: true }), before)
  })

test('fails: a directory in its place', async (t) => {
  const directory = sandbox(t)
  mkdirSync(join(directory, 'x'))
  await t.throwsAsync(differences(json(join(directory, 'x'), { merge: {} })), {
    instanceOf: ProbeError,
    message: /it is a directory/,
  })
})

for (const [title, before] of [
  ['another value', '{"b":1}'],
  ['no file', undefined],
] as const)
  for (const now of ['{"b":2}', 'link', 'directory', undefined])
    test(`fails: ${title} was observed, and it is ${now ?? 'gone'} since`, async (t) => {
      const directory = sandbox(t)
      const path = join(directory, 'x')
      if (before !== undefined) writeFileSync(path, before)
      const resource = json(path, { merge: { a: 1 }, ...me })
      const [have] = await observe([resource])
      const change =
        now === 'link' ? `ln -s y ${path}` : now === 'directory' ? `mkdir ${path}` : `printf '%s' '${now}' >${path}`
      await fragment(`rm -f ${path}${now === undefined ? '' : `\n${change}`}`)
      const since = snapshot(directory)
      const input = { id: path, want: resource.want, have: have as never, changes: [], upload: async () => '' }
      const { code, stderr } = await fragment(await jsonType.apply(input))
      if (before === undefined && now === undefined) return t.is(code, 0)
      t.is(code, 1)
      t.is(stderr, 'the file was changed since it was observed: run again\n')
      return t.deepEqual(snapshot(directory), since)
    })

test('validate: a rejected file leaves no trace', async (t) => {
  const [directory, run] = [sandbox(t), sandbox(t)]
  writeFileSync(join(directory, 'x'), '{}')
  const before = snapshot(directory)
  const resource = json(join(directory, 'x'), { merge: { a: 1 }, validate: '! grep -q a "$1"', ...me })
  const { code, stderr } = await applyOnce(resource, { env: { CARAVAN_RUN_DIRECTORY: run } })
  t.is(code, 1)
  t.regex(stderr, /the validator rejects the new content \(exit 1\)/)
  t.deepEqual([snapshot(directory), readdirSync(run)], [before, []])
})
