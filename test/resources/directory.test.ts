import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { type DirectoryOptions, directory, directoryType } from '../../core/resources/directory.ts'
import type { PathState } from '../../core/resources/shared/observe.ts'
import { applyOnce, HOSTILE, law, lawOfUnknown, me, observe, sandbox, snapshot } from './law.ts'
import { diffTable, garbageTable, wrongTable } from './tables.ts'

const have: PathState = { kind: 'directory', owner: 'root', group: 'root', uid: '0', gid: '0', mode: '0755', size: 0 }
const want = (options: DirectoryOptions = {}) => directory('/x', options).want

diffTable(directoryType, [
  ['equal', want(), have, []],
  ['absent', want(), { kind: 'absent' }, ['state: absent → present']],
  [
    'owner, group, mode',
    want({ owner: 'a', group: 'b', mode: '700' }),
    have,
    ['owner: root → a', 'group: root → b', 'mode: 0755 → 0700'],
  ],
  ['set-group-ID', want(), { ...have, mode: '2755' }, ['mode: 2755 → 0755']],
  ['a file', want(), { ...have, kind: 'file' }, ['kind: file → directory']],
  ['a symlink', want(), { ...have, kind: 'symlink' }, ['kind: symlink → directory']],
])

wrongTable([
  [() => directory('x'), /relative/],
  [() => directory('/x\0'), /NUL/],
  [() => directory('/x/'), /empty part/],
  [() => directory('/./x'), /empty part, "\."/],
  [() => directory('/x', { mode: 'rwx' }), /octal/],
  [() => directory('/x', { owner: '-R' }), /owner/],
])

garbageTable('directory', (output) => directoryType.parse(output, [directory('/x')]), [
  '',
  'o\n',
  '-',
  '-\nmore\n',
  '--\n',
  'o\n41ed:0:0:0:root\n',
])

test('merge: parents complements, the rest must be equal', (t) => {
  t.deepEqual(directoryType.merge?.(want({ parents: true }), want()), want({ parents: true }))
  t.is(directoryType.merge?.(want({ mode: '0700' }), want()), undefined)
})

for (const name of HOSTILE)
  test(`law: ${JSON.stringify(name)}`, async (t) => {
    const root = sandbox(t)
    const path = join(root, name)
    await law(t, root, directory(path, { mode: '0750', ...me }))
    writeFileSync(join(path, 'content'), '')
    chmodSync(path, 0o2777)
    await law(t, root, directory(path, me))
    t.deepEqual(readdirSync(path), ['content'])
    await law(t, root, directory(join(path, name, name), { parents: true, mode: '0700', ...me }))
    t.is(statSync(join(path, name)).mode & 0o777, 0o755)
    t.deepEqual(readdirSync(root), [name])
  })

test('law: what was never observed', async (t) => {
  const root = sandbox(t)
  await lawOfUnknown(t, root, directory(join(root, 'x'), me))
})

test('fails: parents are never made silently', async (t) => {
  const root = sandbox(t)
  const { code, stderr } = await applyOnce(directory(join(root, 'a', 'b'), me))
  t.is(code, 1)
  t.regex(stderr, /the directory .*\/a does not exist/)
  t.deepEqual(readdirSync(root), [])
})

for (const kind of ['file', 'link'])
  test(`fails: a ${kind} in its place stays`, async (t) => {
    const root = sandbox(t)
    mkdirSync(join(root, 'target'))
    if (kind === 'file') writeFileSync(join(root, 'x'), 'precious')
    else symlinkSync('target', join(root, 'x'))
    const before = snapshot(root, { times: true })
    const { code, stderr } = await applyOnce(directory(join(root, 'x'), { mode: '0700', ...me }))
    t.is(code, 1)
    t.regex(stderr, /is no directory, and is not replaced/)
    t.deepEqual(snapshot(root, { times: true }), before)
  })

test('fails: a read-only directory, without the rights of root', async (t) => {
  const root = sandbox(t, { nobody: true })
  chmodSync(root, 0o555)
  const { code, stderr } = await applyOnce(directory(join(root, 'x')), { nobody: true })
  t.not(code, 0)
  t.regex(stderr, /Permission denied/)
})

test('the root directory can be looked at', async (t) => {
  const [found] = (await observe([directory('/')])) as readonly PathState[]
  t.is(found?.kind, 'directory')
})
