import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { ProbeError } from '../../core/errors.ts'
import { type FileOptions, file, fileType } from '../../core/resources/file.ts'
import { type PathState, sha256Of } from '../../core/resources/shared/observe.ts'
import { hidden } from '../../core/secrets/secret.ts'
import {
  applyOnce,
  differences,
  HOSTILE,
  law,
  lawOfUnknown,
  me,
  observe,
  sandbox,
  snapshot,
  unobserved,
} from './law.ts'
import { fragment, shell } from './sh.ts'
import { diffTable, wrongTable } from './tables.ts'

test.before((t) => t.log(`fragments run with ${shell}`))

const hello: PathState = {
  kind: 'file',
  owner: 'root',
  group: 'adm',
  uid: '0',
  gid: '4',
  mode: '0644',
  size: 5,
  sha256: sha256Of(Buffer.from('hello')),
  content: Buffer.from('hello'),
}
const other: PathState = { ...hello, sha256: sha256Of(Buffer.from('old')), size: 3, content: Buffer.from('old') }
const binary: PathState = { ...hello, sha256: sha256Of(Buffer.from([0, 1])), content: Buffer.from([0, 1]) }
const own = { group: 'adm' }

const SECRETLY = `content: ${hidden(other.sha256 ?? '')} → ${hidden(hello.sha256 ?? '')}`

const DIFFS: readonly [title: string, FileOptions, PathState, readonly string[]][] = [
  ['equal', { content: 'hello', ...own }, hello, []],
  ['absent', { content: 'hello', ...own }, { kind: 'absent' }, ['state: absent → present {"from":"","to":"hello"}']],
  ['absent, binary', { content: Buffer.from([0]), ...own }, { kind: 'absent' }, ['state: absent → present']],
  ['absent, sensitive', { content: 's', sensitive: true }, { kind: 'absent' }, ['state: absent → present']],
  [
    'content',
    { content: 'hello', ...own },
    other,
    [
      `content: 3 bytes, sha256 ${other.sha256?.slice(0, 12)} → 5 bytes, sha256 2cf24dba5fb0 {"from":"old","to":"hello"}`,
    ],
  ],
  ['sensitive', { content: 'hello', sensitive: true, ...own }, other, [SECRETLY, 'mode: 0644 → 0600']],
  [
    'from binary',
    { content: 'hello', ...own },
    binary,
    [`content: 5 bytes, sha256 ${binary.sha256?.slice(0, 12)} → 5 bytes, sha256 2cf24dba5fb0`],
  ],
  ['owner', { content: 'hello', ...own, owner: 'nomad' }, hello, ['owner: root → nomad']],
  ['group', { content: 'hello' }, hello, ['group: adm → root']],
  ['by number', { content: 'hello', owner: '0', group: '04' }, hello, []],
  ['other number', { content: 'hello', owner: '1', ...own }, hello, ['owner: 0 → 1']],
  ['unknown owner', { content: 'hello', ...own }, { ...hello, owner: 'UNKNOWN', uid: '999' }, ['owner: 999 → root']],
  ['mode', { content: 'hello', ...own, mode: '600' }, hello, ['mode: 0644 → 0600']],
  ['set-user-ID', { content: 'hello', ...own }, { ...hello, mode: '4644' }, ['mode: 4644 → 0644']],
  [
    'all',
    { content: 'hello', owner: 'a', group: 'b', mode: '0400', sensitive: true },
    other,
    [SECRETLY, 'owner: root → a', 'group: adm → b', 'mode: 0644 → 0400'],
  ],
  ['symlink', { content: 'hello' }, { ...hello, kind: 'symlink' }, ['kind: symlink → file']],
  ['directory', { content: 'hello' }, { ...hello, kind: 'directory' }, ['kind: directory → file']],
]

diffTable(
  fileType,
  DIFFS.map(([title, options, have, expected]) => [title, file('/etc/x', options).want, have, expected]),
)

const WRONG: readonly [path: string, FileOptions, RegExp][] = [
  ['etc/x', { content: '' }, /relative/],
  ['', { content: '' }, /relative/],
  ['/etc/\0', { content: '' }, /NUL/],
  ['/etc/\ud800', { content: '' }, /Unicode/],
  ['/etc/../x', { content: '' }, /shortest|".."/],
  ['/etc//x', { content: '' }, /empty part/],
  ['/etc/x/', { content: '' }, /empty part/],
  ['/', { content: '' }, /directory/],
  [`/etc/${'x'.repeat(256)}`, { content: '' }, /255 bytes/],
  [`/etc/${'x'.repeat(247)}`, { content: '' }, /246 bytes/],
  ['/etc/x', {}, /exactly one/],
  ['/etc/x', { content: '', source: '/etc/passwd' }, /exactly one/],
  ['/etc/x', { source: '/nonexistent/y' }, /cannot be read.*\/nonexistent\/y/],
  ['/etc/x', { content: '\ud800' }, /Unicode/],
  ['/etc/x', { content: '', mode: '0888' }, /octal/],
  ['/etc/x', { content: '', mode: '644 ' }, /octal/],
  ['/etc/x', { content: '', owner: 'a b' }, /owner "a b"/],
  ['/etc/x', { content: '', group: '$(id)' }, /group/],
  ['/etc/x', { content: '', owner: '' }, /owner/],
  ['/etc/x', { content: '', validate: 'true' }, /never looks/],
  ['/etc/x', { content: '', validate: 'a "$1" \0' }, /NUL/],
  ['/etc/x', { content: '', validate: 'true "$1"', siblings: ['/etc/y/x'] }, /sibling/],
]

wrongTable(WRONG.map(([path, options, message]) => [() => file(path, options), message]))

test('garbage of a probe names the type', (t) => {
  const all = [file('/etc/x', { content: '' }), file('/etc/y', { content: '' })]
  const line = '81a4:0:0:0:root:root'
  const sum = sha256Of(Buffer.from(''))
  t.notThrows(() => fileType.parse(`f-\n${line}\n${sum}\n`, all))
  const BAD = [
    '',
    'ff\n',
    '--',
    `f-\n${line}\n`,
    `f-\n${line}\n${sum}\nmore\n`,
    `f-\n${line}\n${sum} !\n`,
    `f--\n${line}\n${sum}\n`,
    'xx\n',
    `o-\nx:0:0:0:a:b\n`,
    `f-\n${line}\n${sum.slice(1)}\n`,
    '\u001b[2J\n',
  ]
  for (const output of BAD)
    t.throws(() => fileType.parse(output, all), {
      instanceOf: ProbeError,
      message: /^the probe of file was not understood/,
    })
})

test('merge: equal wants only, content by value', (t) => {
  const want = (options: FileOptions) => file('/etc/x', options).want
  t.truthy(fileType.merge?.(want({ content: 'a' }), want({ content: Buffer.from('a') })))
  t.is(fileType.merge?.(want({ content: 'a' }), want({ content: 'b' })), undefined)
  t.is(fileType.merge?.(want({ content: 'a' }), want({ content: 'a', mode: '0600' })), undefined)
})

test('a service restarts on the path, which is also the identity', (t) => {
  t.deepEqual(fileType.inputs?.('/a b', file('/a b', { content: '' }).want), ['/a b'])
  t.is(fileType.identity?.('/a b'), 'path:/a b')
})

for (const name of HOSTILE)
  test(`law: ${JSON.stringify(name)}`, async (t) => {
    const directory = sandbox(t)
    mkdirSync(join(directory, name))
    const path = join(directory, name, name)
    const first = await law(t, directory, file(path, { content: `${name}\0`, mode: '0640', ...me }))
    t.is(first[0]?.property, 'state')
    t.is(readFileSync(path, 'utf8'), `${name}\0`)
    t.false(existsSync(join(directory, 'pwned')))
    const second = await law(t, directory, file(path, { content: 'text', mode: '0600', ...me }))
    t.deepEqual(
      second.map(({ property }) => property),
      ['content', 'mode'],
    )
    t.deepEqual(readdirSync(join(directory, name)), [name])
  })

test('law: one probe for hostile neighbours of all kinds', async (t) => {
  const directory = sandbox(t)
  const path = (name: string) => join(directory, name)
  execFileSync('mkfifo', [path('fifo')])
  symlinkSync(path('fifo'), path('link'))
  symlinkSync('/nonexistent', path('dangling'))
  mkdirSync(path('directory'))
  writeFileSync(path('right'), 'right', { mode: 0o600 })
  for (const name of HOSTILE) writeFileSync(path(name), name)
  const names = ['fifo', ...HOSTILE, 'link', 'dangling', 'directory', 'missing', 'right', 'right/below']
  const all = names.map((name) => file(path(name), { content: name }))
  const haves = (await observe(all)) as readonly PathState[]
  const kinds = ['FIFO', ...HOSTILE.map(() => 'file'), 'symlink', 'symlink', 'directory', 'absent', 'file', 'absent']
  t.deepEqual(
    haves.map(({ kind }) => kind),
    kinds,
  )
  t.true(
    HOSTILE.every((name, index) => (haves[index + 1] as { sha256?: string }).sha256 === sha256Of(Buffer.from(name))),
  )
})

test('the probe brings home what differs, unless it is sensitive or over 64 KiB', async (t) => {
  const directory = sandbox(t)
  const path = (name: string) => join(directory, name)
  for (const name of ['same', 'differs', 'sensitive']) writeFileSync(path(name), name)
  writeFileSync(path('limit'), Buffer.alloc(64 * 1024, 'x'))
  writeFileSync(path('large'), Buffer.alloc(64 * 1024 + 1, 'x'))
  const content = 'same'
  const all = ['same', 'differs', 'limit', 'large'].map((name) => file(path(name), { content }))
  const haves = await observe([...all, file(path('sensitive'), { content, sensitive: true })])
  t.deepEqual(
    (haves as { content?: Buffer }[]).map((have) => have.content?.length),
    [undefined, 7, 64 * 1024, undefined, undefined],
  )
})

test('law: a symbolic link and a FIFO are replaced; what the link points at stays', async (t) => {
  const directory = sandbox(t)
  const path = join(directory, 'x')
  writeFileSync(join(directory, 'target'), 'target')
  symlinkSync('target', path)
  const [change] = await law(t, directory, file(path, { content: 'target', ...me }))
  t.deepEqual(change, { property: 'kind', from: 'symlink', to: 'file' })
  t.is(readFileSync(join(directory, 'target'), 'utf8'), 'target')
  execFileSync('mkfifo', [join(directory, 'fifo')])
  await law(t, directory, file(join(directory, 'fifo'), { content: 'x', ...me }))
})

test('law: only owner and mode are mended where the content is right', async (t) => {
  const directory = sandbox(t)
  const path = join(directory, 'x')
  writeFileSync(path, 'same')
  chmodSync(path, 0o4777)
  const { ino } = statSync(path)
  await law(t, directory, file(path, { content: 'same', mode: '0600', ...me }))
  t.is(statSync(path).ino, ino)
})

test('law: what was never observed', async (t) => {
  const directory = sandbox(t)
  await lawOfUnknown(t, directory, file(join(directory, 'x'), { content: 'x', ...me }))
})

test('law: above 1 MiB it is uploaded, and not believed', async (t) => {
  const [directory, uploads] = [sandbox(t), sandbox(t)]
  const resource = file(join(directory, 'x'), { content: Buffer.alloc(1024 * 1024 + 1, 7), ...me })
  const { code, stderr, text } = await applyOnce(resource, { uploads })
  t.is(code, 0, stderr)
  t.true(text.length < 4000)
  t.deepEqual(await differences(resource), [])
  writeFileSync(join(directory, 'x'), 'old')
  const torn = await fragment(await unobserved(resource, async () => resource.id))
  t.is(torn.code, 1)
  t.regex(torn.stderr, /upload did not arrive whole/)
  t.deepEqual(readdirSync(directory), ['x'])
})

test('any bytes under any name arrive', async (t) => {
  const directory = sandbox(t)
  const name = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 40 })
    .filter((text) => !/[\0/]/.test(text) && text !== '.' && text !== '..' && text.isWellFormed())
  await fc.assert(
    fc.asyncProperty(name, fc.uint8Array({ maxLength: 3000 }), async (part, content) => {
      const resource = file(join(directory, part), { content, ...me })
      const { code, stderr } = await applyOnce(resource)
      t.is(code, 0, stderr)
      t.deepEqual(new Uint8Array(readFileSync(join(directory, part))), content)
      t.deepEqual(await differences(resource), [])
    }),
    { numRuns: 60 },
  )
})

test('a leftover of a cut run is overwritten, whatever it is', async (t) => {
  const directory = sandbox(t)
  const temporary = join(directory, '.x.caravan')
  writeFileSync(join(directory, 'precious'), 'precious')
  symlinkSync('precious', temporary)
  await law(t, directory, file(join(directory, 'x'), { content: 'x', ...me }))
  t.is(readFileSync(join(directory, 'precious'), 'utf8'), 'precious')
  execFileSync('mkfifo', [temporary])
  await law(t, directory, file(join(directory, 'x'), { content: 'y', ...me }))
  mkdirSync(temporary)
  const { code, stderr } = await applyOnce(file(join(directory, 'x'), { content: 'z', ...me }))
  t.is(code, 1)
  t.regex(stderr, /\.x\.caravan is a directory/)
})

test('fails: a directory in its place', async (t) => {
  const directory = sandbox(t)
  mkdirSync(join(directory, 'x'))
  writeFileSync(join(directory, 'x', 'precious'), 'precious')
  const before = snapshot(directory, { times: true })
  const { code, stderr } = await applyOnce(file(join(directory, 'x'), { content: 'x', ...me }))
  t.is(code, 1)
  t.regex(stderr, /is no file, and is not replaced/)
  t.deepEqual(snapshot(directory, { times: true }), before)
})

test('fails: no directory for it', async (t) => {
  const directory = sandbox(t)
  const { code, stderr } = await applyOnce(file(join(directory, 'gone', 'x'), { content: 'x', ...me }))
  t.is(code, 1)
  t.regex(stderr, /the directory .*gone does not exist/)
  t.deepEqual(readdirSync(directory), [])
})

test('fails: a read-only directory, without the rights of root', async (t) => {
  const directory = sandbox(t, { nobody: true })
  const nobody = process.getuid?.() === 0 ? { owner: '65534', group: '65534' } : me
  writeFileSync(join(directory, 'x'), 'old')
  chmodSync(directory, 0o555)
  const { code, stderr } = await applyOnce(file(join(directory, 'x'), { content: 'new', ...nobody }), { nobody: true })
  t.not(code, 0)
  t.regex(stderr, /Permission denied/)
  t.is(readFileSync(join(directory, 'x'), 'utf8'), 'old')
  t.deepEqual(readdirSync(directory), ['x'])
})

test('fails: a full disk tears nothing', async (t) => {
  const directory = sandbox(t)
  writeFileSync(join(directory, 'x'), 'old')
  const text = await unobserved(file(join(directory, 'x'), { content: Buffer.alloc(100_000, 'n'), ...me }))
  // a limit of the file size stands for a disk that is full in the middle of the write
  const { code } = await fragment(`ulimit -f 1; trap '' XFSZ\n${text}`)
  t.not(code, 0)
  t.is(readFileSync(join(directory, 'x'), 'utf8'), 'old')
  t.deepEqual(readdirSync(directory), ['x'])
})

test('validate: sees the candidate under its final name beside its siblings, and may accept', async (t) => {
  const [directory, run] = [sandbox(t), sandbox(t)]
  writeFileSync(join(directory, "sib'ling"), 'sibling')
  const validate = `[ "$(cat "$1")" = new ] && [ "\${1##*/}" = 'a b' ] && [ "$(cat "./sib'ling")" = sibling ] && [ "$(stat -c %a .)" = 700 ] && [ ! -e gone ]`
  const siblings = [join(directory, "sib'ling"), join(directory, 'gone')]
  const resource = file(join(directory, 'a b'), { content: 'new', validate, siblings, ...me })
  const { code, stderr } = await applyOnce(resource, { env: { CARAVAN_RUN_DIRECTORY: run } })
  t.is(code, 0, stderr)
  t.deepEqual(await differences(resource), [])
  t.deepEqual(readdirSync(run), [])
})

test('validate: a rejected file leaves no trace', async (t) => {
  const [directory, run] = [sandbox(t), sandbox(t)]
  writeFileSync(join(directory, 'x'), 'old')
  const before = snapshot(directory)
  const validate = 'echo "line 1: bad $(cat "$1")"; exit 3'
  const { code, stdout, stderr } = await applyOnce(file(join(directory, 'x'), { content: 'new', validate, ...me }), {
    env: { CARAVAN_RUN_DIRECTORY: run },
  })
  t.is(code, 1)
  t.is(stdout, 'line 1: bad new\n')
  t.is(stderr, `the validator rejects the new content (exit 3): ${validate}\n`)
  t.deepEqual(snapshot(directory), before)
  t.deepEqual(readdirSync(run), [])
})
