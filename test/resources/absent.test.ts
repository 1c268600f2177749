import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { absent, absentType } from '../../core/resources/absent.ts'
import { file } from '../../core/resources/file.ts'
import { applyOnce, HOSTILE, law, lawOfUnknown, sandbox, snapshot } from './law.ts'
import { privateHost } from './private-host.ts'
import { sh } from './sh.ts'
import { diffTable, show, wrongTable } from './tables.ts'

const here = { owner: 'root', group: 'root', uid: '0', gid: '0', mode: '0755', size: 2 }

diffTable(absentType, [
  ['absent', { recursive: false }, { kind: 'absent' }, []],
  ['a file', { recursive: true }, { ...here, kind: 'file' }, ['state: file → absent']],
  ['a link', { recursive: false }, { ...here, kind: 'symlink' }, ['state: symlink → absent']],
  ['a directory', { recursive: false }, { ...here, kind: 'directory' }, ['state: directory → absent']],
  [
    'a whole directory',
    { recursive: true },
    { ...here, kind: 'directory' },
    ['state: directory and all that is in it → absent'],
  ],
])

const SYSTEM = ['/', '/etc', '/usr', '/var', '/home', '/root', '/boot', '/run', '/proc/1', '/sys/x', '/dev/null']
wrongTable([
  [() => absent('x'), /relative/],
  [() => absent('/x/..'), /"\.\."/],
  [() => absent('/x/'), /empty part/],
  ...[...SYSTEM, '/usr/bin', '/usr/local', '/var/lib', '/var/lib/dpkg', '/etc/systemd/system', '/etc/ssh'].map(
    (path) => [() => absent(path, { recursive: true }), /never removed/] as const,
  ),
])

test('it conflicts with a file at its path; a service may restart on it', (t) => {
  t.is(absentType.identity?.('/x'), fileIdentity('/x'))
  t.deepEqual(absentType.inputs?.('/x', { recursive: false }), ['/x'])
  t.deepEqual(absentType.merge?.({ recursive: false }, { recursive: true }), { recursive: true })
})
const fileIdentity = (path: string) => file(path, { content: '' }).type.identity?.(path)

for (const name of HOSTILE)
  test(`law: ${JSON.stringify(name)}`, async (t) => {
    const directory = sandbox(t)
    mkdirSync(join(directory, name, name, name), { recursive: true })
    writeFileSync(join(directory, name, 'file'), '')
    await law(t, directory, absent(join(directory, name, 'file')))
    await law(t, directory, absent(join(directory, name, name, name)))
    writeFileSync(join(directory, name, name, name), name)
    await law(t, directory, absent(join(directory, name, name), { recursive: true }))
    t.deepEqual(readdirSync(directory), [name])
    t.deepEqual(readdirSync(join(directory, name)), [])
  })

test('links and what is no file go; what a link leads to stays', async (t) => {
  const directory = sandbox(t)
  const path = (name: string) => join(directory, name)
  mkdirSync(path('target'))
  writeFileSync(path('target/kept'), '')
  symlinkSync('target', path('link'))
  symlinkSync('/nonexistent', path('dangling'))
  execFileSync('mkfifo', [path('fifo')])
  for (const name of ['link', 'dangling', 'fifo']) await law(t, directory, absent(path(name), { recursive: true }))
  await lawOfUnknown(t, directory, absent(path('link')))
  t.deepEqual(readdirSync(directory), ['target'])
  t.true(existsSync(path('target/kept')))
})

test('a directory that is not empty, or that is reached through a link, stays', async (t) => {
  const directory = sandbox(t)
  mkdirSync(join(directory, 'real/full/inner'), { recursive: true })
  symlinkSync('real', join(directory, 'link'))
  const before = snapshot(directory, { times: true })
  const full = await applyOnce(absent(join(directory, 'real/full')))
  t.not(full.code, 0)
  t.regex(full.stderr, /only an empty one is removed without recursive\n$/)
  const through = await applyOnce(absent(join(directory, 'link/full'), { recursive: true }))
  t.not(through.code, 0)
  t.regex(through.stderr, /a symbolic link: write its real path\n$/)
  t.deepEqual(snapshot(directory, { times: true }), before)
})

test('what is mounted there is never emptied, a bind mount of the same device either', async (t) => {
  const world = await privateHost(t)
  if (world === undefined) return
  const { code, stderr } = await sh(
    "set -e; mkdir -p '/mnt/a b/in' /mnt/kept; echo x >/mnt/kept/x; mount --bind /mnt/kept '/mnt/a b/in'",
    world.options,
  )
  t.is(code, 0, stderr)
  for (const path of ['/mnt/a b', '/mnt/a b/in']) {
    const ran = await applyOnce(absent(path, { recursive: true }), world.options)
    t.is(ran.code, 1)
    t.is(ran.stderr, 'something is mounted on it or in it: unmount that first\n')
  }
  t.is((await sh('cat /mnt/kept/x; umount "/mnt/a b/in"', world.options)).stdout, 'x\n')
  t.deepEqual((await law(t, world, absent('/mnt/a b', { recursive: true }))).map(show), [
    'state: directory and all that is in it → absent',
  ])
})
