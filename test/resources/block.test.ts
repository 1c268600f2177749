import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { ProbeError } from '../../core/errors.ts'
import { type BlockHave, block, blockType } from '../../core/resources/block.ts'
import { applyOnce, differences, HOSTILE, law, lawOfUnknown, sandbox, snapshot, unobserved } from './law.ts'
import { fragment } from './sh.ts'
import { diffTable, garbageTable, wrongTable } from './tables.ts'

const want = (content: string) => block('/etc/hosts', { name: 'n', content }).want
const have = (body?: string): BlockHave => ({ kind: 'file', body })

diffTable(blockType, [
  ['equal', want('a\nb\n'), have('a\nb\n'), []],
  ['the final newline is added', want('a'), have('a\n'), []],
  ['empty', want(''), have(''), []],
  ['no file', want('a\n'), { kind: 'absent' }, ['block: absent → 1 line {"from":"","to":"a\\n"}']],
  ['no block', want('a\n'), have(), ['block: absent → 1 line {"from":"","to":"a\\n"}']],
  ['no block, empty', want(''), have(), ['block: absent → 0 lines {"from":"","to":""}']],
  ['other', want('a\n'), have('b\nc\n'), ['block: 2 lines → 1 line {"from":"b\\nc\\n","to":"a\\n"}']],
  ['not ASCII', want('ü\n'), have(Buffer.from('ü\n').toString('latin1')), []],
])

wrongTable([
  [() => block('hosts', { name: 'n', content: '' }), /relative/],
  [() => block('/etc/\0', { name: 'n', content: '' }), /NUL/],
  [() => block('/etc/x', { name: 'n', content: '\0' }), /NUL/],
  [() => block('/etc/x', { name: '', content: '' }), /its name must be/],
  [() => block('/etc/x', { name: 'a b', content: '' }), /its name must be/],
  [() => block('/etc/x', { name: 'a\n', content: '' }), /its name must be/],
  [() => block('/etc/x', { name: 'a#b', content: '' }), /its name must be/],
  [() => block('/etc/x', { name: 'n', content: 'a\n# END caravan n\n' }), /looks like a marker/],
])

garbageTable('block', (output) => blockType.parse(output, [block('/x', { name: 'n', content: '' })]), [
  '',
  'f\n',
  '-',
  '-\n-\n',
])

test('it is a part of the file, and has an identity of its own', (t) => {
  const { id } = block('/a#b', { name: 'n', content: '' })
  t.is(id, '/a#b#n')
  t.is(blockType.partOf?.(id), 'path:/a#b')
  t.deepEqual(blockType.inputs?.(id, want('')), ['/a#b'])
})

const PLACES: readonly [title: string, before: string | Buffer, after: string | Buffer][] = [
  ['an empty file', '', '<new>'],
  ['appended', 'a\nb\n', 'a\nb\n<new>'],
  ['no final newline', 'a\nb', 'a\nb\n<new>'],
  ['in place', 'a\n<old>b\n', 'a\n<new>b\n'],
  ['in place, no final newline', 'a\n<old>b', 'a\n<new>b'],
  ['at the end, without its newline', 'a\n# BEGIN caravan n\nold\n# END caravan n', 'a\n<new>'],
  [
    'beside another block',
    '# BEGIN caravan m\nold\n# END caravan m\n<old>',
    '# BEGIN caravan m\nold\n# END caravan m\n<new>',
  ],
  ['a marker within a line', 'x # BEGIN caravan n\n# END caravan nn\n', 'x # BEGIN caravan n\n# END caravan nn\n<new>'],
  ['carriage returns', 'a\r\n<old>b\r\n', 'a\r\n<new>b\r\n'],
  [
    'bytes that are no text',
    Buffer.from('\0\xff\n<old>\xfe\0', 'latin1'),
    Buffer.from('\0\xff\n<new>\xfe\0', 'latin1'),
  ],
  ['a final NUL', Buffer.from('a\0'), Buffer.from('a\0\n<new>')],
]
const expand = (text: string | Buffer): Buffer =>
  Buffer.from(
    text.toString('latin1').replace(/<(old|new)>/, (_, word) => `# BEGIN caravan n\n${word}\n# END caravan n\n`),
    'latin1',
  )

for (const [title, before, after] of PLACES)
  test(`law: ${title}`, async (t) => {
    const directory = sandbox(t)
    const path = join(directory, 'hosts')
    writeFileSync(path, expand(before), { mode: 0o640 })
    await law(t, directory, block(path, { name: 'n', content: 'new' }))
    t.is(readFileSync(path, 'latin1'), expand(after).toString('latin1'))
    t.is(statSync(path).mode & 0o777, 0o640)
    t.deepEqual(readdirSync(directory), ['hosts'])
  })

for (const name of HOSTILE)
  test(`law: ${JSON.stringify(name)}`, async (t) => {
    const directory = sandbox(t)
    const path = join(directory, name)
    const [change] = await law(t, directory, block(path, { name: 'n', content: name }))
    t.is(change?.from, 'absent')
    t.is(statSync(path).mode & 0o777, 0o644)
    await law(t, directory, block(path, { name: 'm', content: '' }))
    t.is(
      readFileSync(path, 'utf8'),
      `# BEGIN caravan n\n${name}\n# END caravan n\n# BEGIN caravan m\n# END caravan m\n`,
    )
    t.deepEqual(readdirSync(directory), [name])
  })

test('law: what was never observed', async (t) => {
  const directory = sandbox(t)
  await lawOfUnknown(t, directory, block(join(directory, 'x'), { name: 'n', content: 'x' }))
})

test('whatever stood around the block stays byte for byte', async (t) => {
  const path = join(sandbox(t), 'x')
  const bytes = fc.uint8Array({ maxLength: 200 })
  await fc.assert(
    fc.asyncProperty(bytes, bytes, async (before, after) => {
      const [first, rest] = [Buffer.concat([before, Buffer.from('\n')]), Buffer.from(after)]
      const between = (word: string) =>
        Buffer.concat([first, Buffer.from(`# BEGIN caravan n\n${word}\n# END caravan n\n`), rest])
      writeFileSync(path, between('old'))
      const { code, stderr } = await applyOnce(block(path, { name: 'n', content: 'new' }))
      t.is(code, 0, stderr)
      t.deepEqual(readFileSync(path), between('new'))
    }),
    { numRuns: 60 },
  )
})

test('the mode of a file that its owner cannot write stays', async (t) => {
  const path = join(sandbox(t), 'x')
  writeFileSync(path, 'a\n')
  chmodSync(path, 0o444)
  await applyOnce(block(path, { name: 'n', content: 'new' }))
  t.is(statSync(path).mode & 0o777, 0o444)
})

const HALVES: readonly string[] = [
  '# BEGIN caravan n\na\n',
  '# END caravan n\na\n',
  '# END caravan n\n# BEGIN caravan n\n',
  '# BEGIN caravan n\n# BEGIN caravan n\n# END caravan n\n',
  '# BEGIN caravan n\n# END caravan n\n# END caravan n\n',
]

for (const half of HALVES)
  test(`fails: half a block: ${JSON.stringify(half)}`, async (t) => {
    const directory = sandbox(t)
    const resource = block(join(directory, 'x'), { name: 'n', content: 'new' })
    writeFileSync(join(directory, 'x'), half)
    const error = await t.throwsAsync(differences(resource), {
      instanceOf: ProbeError,
      message: /one BEGIN followed by one END/,
    })
    t.regex(error.details.hint ?? '', /by hand/)
    // and on the host too, where it may have got so in the meantime
    const before = snapshot(directory, { times: false })
    const { code, stderr } = await fragment(await unobserved(resource))
    t.is(code, 1)
    t.regex(stderr, /one BEGIN followed by one END/)
    t.deepEqual(snapshot(directory), before)
  })

test('fails: neither a link nor a directory is written through', async (t) => {
  const directory = sandbox(t)
  writeFileSync(join(directory, 'target'), 'a\n')
  symlinkSync('target', join(directory, 'link'))
  mkdirSync(join(directory, 'directory'))
  for (const name of ['link', 'directory']) {
    const resource = block(join(directory, name), { name: 'n', content: 'new' })
    await t.throwsAsync(differences(resource), {
      instanceOf: ProbeError,
      message: /it is a (symlink|directory) and no file/,
    })
    t.is((await fragment(await unobserved(resource))).code, 1)
  }
  t.is(readFileSync(join(directory, 'target'), 'utf8'), 'a\n')
})

test('fails: a file over 1 MiB is nothing for a block', async (t) => {
  const path = join(sandbox(t), 'x')
  writeFileSync(path, Buffer.alloc(1024 * 1024 + 1))
  await t.throwsAsync(differences(block(path, { name: 'n', content: '' })), { message: /over 1 MiB/ })
})
