import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { type SymlinkHave, type SymlinkOptions, symlink, symlinkType } from '../../core/resources/symlink.ts'
import { applyOnce, differences, HOSTILE, law, lawOfUnknown, me, observe, sandbox, snapshot } from './law.ts'
import { fragment } from './sh.ts'
import { diffTable, garbageTable, show, wrongTable } from './tables.ts'

const here = { owner: 'root', group: 'adm', uid: '0', gid: '4', mode: '0777', size: 2 }
const link: SymlinkHave = { state: { ...here, kind: 'symlink' }, target: '/a' }
const of = (kind: 'file' | 'directory'): SymlinkHave => ({ state: { ...here, kind }, target: undefined })
const want = (target: string, options: SymlinkOptions = { group: 'adm' }) => symlink('/etc/x', target, options).want

diffTable(symlinkType, [
  ['equal', want('/a'), link, []],
  ['absent', want('/a'), { state: { kind: 'absent' }, target: undefined }, ['state: absent → link to /a']],
  ['target', want('/b'), link, ['target: /a → /b']],
  ['as text, not as what it leads to', want('/./a'), link, ['target: /a → /./a']],
  ['owner and group', want('/a', { owner: 'x' }), link, ['owner: root → x', 'group: adm → root']],
  ['a file', want('/a'), of('file'), ['kind: file → link to /a']],
  ['a directory', want('/a'), of('directory'), ['kind: directory → link to /a']],
])

wrongTable([
  [() => symlink('x', '/a'), /relative/],
  [() => symlink('/', '/a'), /directory/],
  [() => symlink('/x/../y', '/a'), /"\.\."/],
  [() => symlink('/x', ''), /empty/],
  [() => symlink('/x', '/x'), /itself/],
  [() => symlink('/x', 'a\0'), /NUL/],
  [() => symlink('/x', '\ud800'), /Unicode/],
  [() => symlink('/x', 'a'.repeat(4096)), /4095/],
  [() => symlink('/x', 'a', { owner: '$(id)' }), /owner/],
])

const line = 'a1ff:0:0:2:root:root'
garbageTable('symlink', (output) => symlinkType.parse(output, [symlink('/x', '/a')]), [
  '',
  '-',
  `o\n${line}\n\n`,
  `o\n${line}\nLw==\n`,
  `o\n${line}\nLwAvAA==\n`,
  `o\n${line}\n!\n`,
  '-\nLwA=\n',
])

test('it is owned by its path, which is also its input', (t) => {
  t.is(symlinkType.identity?.('/x'), 'path:/x')
  t.deepEqual(symlinkType.inputs?.('/x', want('/a')), ['/x'])
})

for (const name of HOSTILE)
  test(`law: ${JSON.stringify(name)}`, async (t) => {
    const directory = sandbox(t)
    mkdirSync(join(directory, name))
    const path = join(directory, name, name)
    await law(t, directory, symlink(path, `${name}\n`, me))
    t.is(readlinkSync(path), `${name}\n`)
    t.deepEqual((await law(t, directory, symlink(path, name, me))).map(show), [`target: ${name}\n → ${name}`])
  })

test('one probe for neighbours of all kinds', async (t) => {
  const directory = sandbox(t)
  const path = (name: string) => join(directory, name)
  for (const name of HOSTILE) symlinkSync(name, path(name))
  writeFileSync(path('file'), '')
  mkdirSync(path('directory'))
  symlinkSync('directory', path('to-directory'))
  const names = ['file', ...HOSTILE, 'missing', 'directory', 'to-directory']
  const haves = (await observe(names.map((name) => symlink(path(name), 'x')))) as readonly SymlinkHave[]
  const expected = [undefined, ...HOSTILE, undefined, undefined, 'directory']
  t.deepEqual(
    haves.map(({ target }) => target),
    expected,
  )
})

test('files, links and FIFOs are replaced; what they lead to stays', async (t) => {
  const directory = sandbox(t)
  const path = (name: string) => join(directory, name)
  writeFileSync(path('file'), 'content')
  mkdirSync(path('directory'))
  symlinkSync('directory', path('link'))
  execFileSync('mkfifo', [path('fifo')])
  for (const name of ['file', 'link', 'fifo']) {
    await law(t, directory, symlink(path(name), 'elsewhere', me))
    t.is(readlinkSync(path(name)), 'elsewhere')
  }
  t.true(lstatSync(path('directory')).isDirectory())
  await lawOfUnknown(t, directory, symlink(path('unknown'), 'elsewhere', me))
})

test('a directory in its place, and a missing one above it, fail the apply', async (t) => {
  const directory = sandbox(t)
  mkdirSync(join(directory, 'x/full'), { recursive: true })
  const before = snapshot(directory, { times: true })
  const refused = await applyOnce(symlink(join(directory, 'x'), '/a', me))
  t.is(refused.code, 1)
  t.regex(refused.stderr, /is no file, and is not replaced/)
  t.regex((await applyOnce(symlink(join(directory, 'y/z'), '/a', me))).stderr, /y does not exist/)
  t.deepEqual(snapshot(directory, { times: true }), before)
})

test('a link that belongs to somebody else is drift', async (t) => {
  const directory = sandbox(t)
  symlinkSync('/a', join(directory, 'x'))
  const changes = await differences(symlink(join(directory, 'x'), '/a', { ...me, owner: '12345' }))
  t.deepEqual(changes.map(show), [`owner: ${me.owner} → 12345`])
})

test('any target under any name arrives', async (t) => {
  const directory = sandbox(t)
  const text = fc.string({ minLength: 1, maxLength: 60, unit: 'binary' }).filter((one) => !one.includes('\0'))
  const targets = fc.sample(text, 200)
  const all = targets.map((target, index) =>
    symlink(join(directory, `${index}${target.replaceAll('/', '')}`), target, me),
  )
  const input = { have: { state: { kind: 'absent' }, target: undefined }, changes: [], upload: async () => '' } as const
  const texts = all.map(({ id, want }) => `(\n${symlinkType.apply({ ...input, id, want })}\n)`)
  const { code, stderr } = await fragment(texts.join('\n'))
  t.is(code, 0, stderr)
  const haves = (await observe(all)) as readonly SymlinkHave[]
  t.deepEqual(
    haves.map(({ target }) => target),
    targets,
  )
  t.deepEqual(
    all.map(({ id }) => readlinkSync(id)),
    targets,
  )
})
