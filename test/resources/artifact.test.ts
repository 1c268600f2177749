import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { identityOf, type Resource } from '../../core/declare/resource.ts'
import { type ArtifactOptions, type ArtifactWant, artifact, artifactType } from '../../core/resources/artifact.ts'
import type { Stamp } from '../../core/resources/shared/artifact-stamp.ts'
import { makeZip } from '../artifacts/make-zip.ts'
import { serve, sha256 } from '../artifacts/server.ts'
import { applyOnce, differences, HOSTILE, law, lawOfUnknown, me, observe, sandbox, snapshot } from './law.ts'
import { fragment } from './sh.ts'
import { diffTable, garbageTable, show, wrongTable } from './tables.ts'

const A = 'a'.repeat(64)
const options: ArtifactOptions = {
  url: 'https://example.com/nomad_2.zip',
  sha256: A.toUpperCase(),
  to: '/usr/local/bin/nomad',
  member: 'nomad',
}
const { want } = artifact('nomad', options)
const header = await artifactType.apply({
  id: 'nomad /x',
  want,
  have: { header: undefined, url: '', files: [], present: false },
  changes: [],
  upload: async () => '',
})
const HEADER = /caravan-artifact 1 [0-9a-f]{64} [0-9a-f]{16}/.exec(header)?.[0] ?? ''
const state = { kind: 'file' as const, owner: 'root', group: 'root', uid: '0', gid: '0', mode: '0755', size: 34 }
const file = { path: '/usr/local/bin/nomad', same: true, state }
const have: Stamp = { header: HEADER, url: 'https://example.com/nomad_1.zip', files: [file], present: true }

diffTable(artifactType, [
  ['equal', want, have, []],
  ['absent', want, { header: undefined, url: '', files: [], present: false }, ['state: absent → nomad_2.zip']],
  [
    'no stamp',
    want,
    { header: undefined, url: '', files: [], present: true },
    ['state: of unknown origin → nomad_2.zip'],
  ],
  [
    'another version',
    want,
    { ...have, header: HEADER.replace(A, 'b'.repeat(64)) },
    ['archive: nomad_1.zip, sha256 bbbbbbbbbbbb → nomad_2.zip, sha256 aaaaaaaaaaaa'],
  ],
  [
    'to another place',
    want,
    { ...have, header: HEADER.replace(/.$/, 'x') },
    ['place: installed otherwise → /usr/local/bin/nomad'],
  ],
  [
    'changed',
    want,
    { ...have, files: [{ ...file, same: false }] },
    ['content: /usr/local/bin/nomad was changed → nomad_2.zip'],
  ],
  [
    'gone, and others',
    want,
    {
      ...have,
      files: [
        { ...file, same: false, state: undefined },
        { ...file, same: false },
      ],
    },
    ['content: /usr/local/bin/nomad is gone, and 1 more → nomad_2.zip'],
  ],
  ['an empty stamp', want, { ...have, files: [] }, ['content: no files → nomad_2.zip']],
  [
    'a broken stamp',
    want,
    { ...have, header: 'x' },
    ['archive: nomad_1.zip, sha256  → nomad_2.zip, sha256 aaaaaaaaaaaa'],
  ],
  [
    'owner and mode',
    { ...want, owner: 'a', mode: '0700' },
    { ...have, files: [file, file] },
    ['owner: root → a', 'mode: 0755 → 0700'],
  ],
])

const declared =
  (changes: Partial<ArtifactOptions>, name = 'nomad') =>
  () =>
    artifact(name, { ...options, ...changes } as ArtifactOptions)
const alone = { ...options, member: undefined } as unknown as Partial<ArtifactOptions>
wrongTable([
  ...['', 'a b', '../x', '.x', '-x', 'a/b', '$(id)', 'x\n'].map(
    (name) => [declared({}, name), /its name must be/] as const,
  ),
  ...[
    'nomad.zip',
    'ftp://example.com/x.zip',
    'https://example.com/a b.zip',
    'https://example.com/x.zip\n',
    'file:///x.zip',
  ].map((url) => [declared({ url }), /not an http or https URL/] as const),
  [declared({ url: 'https://user:secret@example.com/x.zip' }), /holds a password/],
  [declared({ sha256: 'abc' }), /not 64 hexadecimal digits/],
  [declared({ to: 'x' }), /relative/],
  [declared({ to: '/a/../b' }), /"\.\."/],
  [declared({ to: '/a\nb' }), /control character/],
  ...['', '/etc/passwd', '../x', 'a//b', '-rf', 'a/-x', '$(id)', 'a*'].map(
    (member) => [declared({ member }), /not the name of a file in an archive/] as const,
  ),
  [declared({ to: '/opt/cni/bin/' }), /member is one file/],
  [declared({ ...alone }), /which file of the archive/],
  [declared({ url: 'https://example.com/nomad' }), /no archive, by its URL/],
  [declared({ ...alone, url: 'https://example.com/nomad', to: '/opt/' }), /no archive, by its URL/],
  [declared({ strip: 1 }), /strip/],
  [declared({ ...alone, to: '/opt/', strip: -1 }), /strip/],
  [declared({ deadline: '5m' as '5s' }), /number of seconds/],
  [declared({ mode: 'rwx' }), /octal/],
])

const parse = (output: string, paranoid = false) =>
  artifactType.parse(output, [artifact('nomad', { ...options, paranoid })]).get('nomad /usr/local/bin/nomad')
const LINE = `12 34 1795377600.400000000 ${A} /usr/local/bin/nomad`
const STAT = '81ed:0:0:34:root:root 12 34 1795377600.400000000'
garbageTable('artifact', (output) => parse(output), [
  '',
  'end\n',
  'x\nend\n',
  'absent\n',
  'absent\nend\nend\n',
  `stamp\n= h\n= u\n+ ${LINE}\nend\n`,
  `stamp\n= h\n= u\n- ${LINE}\n${STAT}\nend\n`,
  `stamp\n= h\n+ ${LINE}\nx 12 34\nend\n`,
])

test('parse: files by their stamp', (t) => {
  const is = (output: string, expected: Partial<Stamp>, paranoid = false) => t.like(parse(output, paranoid), expected)
  is('absent\nend\n', { header: undefined, present: false })
  is('present\nend\n', { header: undefined, present: true })
  is(`stamp\n= h\n= u\n+ ${LINE}\n${STAT}\nend\n`, { header: 'h', url: 'u', files: [file] as never })
  is(`stamp\n= h\n= u\n- ${LINE}\nend\n`, { files: [{ path: file.path, same: false, state: undefined }] as never })
  for (const [at, other] of [
    ['12 34', '13 34'],
    ['34 1', '35 1'],
    ['400000000', '400000001'],
  ] as const)
    is(`stamp\n= h\n= u\n+ ${LINE}\n${STAT.replace(at, other)}\nend\n`, { files: [{ same: false }] as never })
  is(`stamp\n= h\n= u\n+ ${LINE}\n${STAT}\n${A}  /x\nend\n`, { files: [{ same: true }] as never }, true)
  is(`stamp\n= h\n= u\n+ ${LINE}\n${STAT}\n\\${'b'.repeat(64)}  /x\nend\n`, { files: [{ same: false }] as never }, true)
  is(`stamp\n= h\n= u\n- 12 /x\nend\n`, { files: [{ path: '12 /x', same: false }] as never })
})

test('whose it is: a file is owned by its path, many by their name; a service restarts on the stamp', (t) => {
  const many = artifact('cni', { url: 'https://example.com/cni.tgz', sha256: A, to: '/opt/cni/bin/' })
  t.is(identityOf(declared({})()), 'path:/usr/local/bin/nomad')
  t.is(identityOf(many), 'artifact:cni')
  t.is(artifactType.partOf?.(declared({})().id), 'artifact:nomad')
  t.not(artifactType.partOf?.(many.id), 'artifact:cni')
  t.deepEqual(artifactType.inputs?.(many.id, many.want), ['/var/lib/caravan/artifacts/cni'])
})

const ZIP = makeZip([
  { name: 'LICENSE.txt', content: 'l' },
  { name: 'nomad', content: '#!/bin/sh\necho 1\n'.repeat(5000) },
  { name: 'deep/er/x', content: 'x' },
])
const ZIP2 = makeZip([{ name: 'nomad', content: '#!/bin/sh\necho 2\n' }])
const BARE = Buffer.from('#!/bin/sh\necho bare\n')

/** A tar archive with compression. */
const tar = (t: ExecutionContext, make: (directory: string) => void): Buffer => {
  const directory = sandbox(t)
  make(directory)
  return execFileSync('tar', ['-czf', '-', '-C', directory, '.'])
}
const plugins = (directory: string): void => {
  for (const name of ['bridge', 'loopback']) writeFileSync(join(directory, name), `plugin ${name}`, { mode: 0o644 })
  mkdirSync(join(directory, 'build/below'), { recursive: true })
  writeFileSync(join(directory, 'build/dataplaneapi'), 'dpapi')
  writeFileSync(join(directory, "build/below/it's $(touch pwned)"), 'odd')
}

/** A server with these archives, a host to install on, and a cache of the controller's own. */
const place = async (t: ExecutionContext, more: readonly (readonly [string, Uint8Array])[] = []) => {
  const tgz = tar(t, plugins)
  const files = new Map<string, Uint8Array>([
    ['/x.zip', ZIP],
    ['/x2.zip', ZIP2],
    ['/x.tgz', tgz],
    ['/bare', BARE],
    ...more,
  ])
  const server = await serve(t, files)
  const directory = sandbox(t)
  for (const name of ['state', 'bin', 'uploads']) mkdirSync(join(directory, name))
  const env = { CARAVAN_STATE_DIRECTORY: join(directory, 'state') }
  const at = (path: string, changes: Partial<ArtifactOptions>, name = 'x') => {
    const content = files.get(path) ?? Buffer.from('?')
    return artifact(name, {
      url: `${server.url}${path}`,
      sha256: sha256(content),
      to: join(directory, 'bin/x'),
      ...me,
      ...changes,
    } as ArtifactOptions)
  }
  const world = { options: { env }, snapshot: async (times: boolean) => snapshot(directory, { times }) }
  return { ...server, directory, bin: join(directory, 'bin'), at, world, env }
}

test('law: one file of a zip, by the host', async (t) => {
  const { at, world, bin, requests, directory } = await place(t)
  const one = at('/x.zip', { member: 'nomad' })
  t.deepEqual((await law(t, world, one)).map(show), ['state: absent → x.zip'])
  // applied twice, downloaded once
  t.deepEqual(requests, ['/x.zip'])
  t.is(sha256(readFileSync(join(bin, 'x'))), sha256(Buffer.from('#!/bin/sh\necho 1\n'.repeat(5000))))
  t.is(statSync(join(bin, 'x')).mode & 0o7777, 0o755)
  t.deepEqual(readdirSync(bin), ['x'])
  t.deepEqual(readdirSync(join(directory, 'state/artifacts')), ['x'])
  t.deepEqual((await law(t, world, at('/x2.zip', { member: 'nomad' }))).map(show), [
    `archive: x.zip, sha256 ${sha256(ZIP).slice(0, 12)} → x2.zip, sha256 ${sha256(ZIP2).slice(0, 12)}`,
  ])
  t.is(execFileSync(join(bin, 'x')).toString(), '2\n')
  await lawOfUnknown(t, world, at('/x.zip', { member: 'deep/er/x' }, 'y'))
})

test('an upgrade while the program runs: what runs keeps its file, and the path is never missing or half', async (t) => {
  const sleep = readFileSync(execFileSync('sh', ['-c', 'command -v sleep']).toString().trim())
  const { at, bin, env } = await place(t, [
    ['/1.zip', makeZip([{ name: 'nomad', content: sleep }])],
    ['/2.zip', makeZip([{ name: 'nomad', content: Buffer.concat([sleep, Buffer.from('2')]) }])],
  ])
  const path = join(bin, 'x')
  t.is((await applyOnce(at('/1.zip', { member: 'nomad' }), { env })).code, 0)
  const { ino } = statSync(path)
  const running = spawn(path, ['30'], { stdio: 'ignore' })
  t.teardown(() => running.kill())
  await once(running, 'spawn')
  const sizes = new Set([statSync(path).size])
  const watch = setInterval(() => sizes.add(statSync(path, { throwIfNoEntry: false })?.size ?? -1), 1)
  const { code, stderr } = await applyOnce(at('/2.zip', { member: 'nomad' }), { env })
  clearInterval(watch)
  t.deepEqual([code, stderr], [0, ''])
  t.deepEqual([...sizes.add(statSync(path).size)], [sleep.length, sleep.length + 1])
  t.not(statSync(path).ino, ino)
  t.is(statSync(`/proc/${running.pid}/exe`).ino, ino)
  t.is(running.exitCode, null)
})

test('law: only the mode differs, and nothing is downloaded', async (t) => {
  const { at, world, bin, requests } = await place(t)
  await law(t, world, at('/bare', {}))
  const { ino } = statSync(join(bin, 'x'))
  t.deepEqual((await law(t, world, at('/bare', { mode: '0700' }))).map(show), ['mode: 0755 → 0700'])
  t.deepEqual([requests.length, statSync(join(bin, 'x')).ino], [1, ino])
})

test('law: all files of a tar archive, below a directory, with and without what stands before', async (t) => {
  const { at, world, bin, directory } = await place(t)
  await law(t, world, at('/x.tgz', { to: `${bin}/` }))
  const names = ['bridge', 'build', 'build/below', "build/below/it's $(touch pwned)", 'build/dataplaneapi', 'loopback']
  t.deepEqual((readdirSync(bin, { recursive: true }) as string[]).sort(), names)
  t.is(statSync(join(bin, 'bridge')).mode & 0o777, 0o755)
  mkdirSync(join(directory, 'other'))
  await law(t, world, at('/x.tgz', { to: `${directory}/other/`, strip: 1, mode: '0644' }, 'other'))
  t.deepEqual((readdirSync(join(directory, 'other'), { recursive: true }) as string[]).sort(), [
    'below',
    "below/it's $(touch pwned)",
    'dataplaneapi',
  ])
  await law(t, world, at('/x.tgz', { member: 'build/dataplaneapi', to: join(directory, 'dpapi') }, 'dpapi'))
  t.is(readFileSync(join(directory, 'dpapi'), 'utf8'), 'dpapi')
  // a file of somebody else stays; one of ours that is gone, changed or another kind comes back
  writeFileSync(join(bin, 'theirs'), '')
  for (const spoil of [
    () => rmSync(join(bin, 'bridge')),
    () => writeFileSync(join(bin, 'loopback'), 'x'),
    () => {
      rmSync(join(bin, 'bridge'))
      symlinkSync('theirs', join(bin, 'bridge'))
    },
  ]) {
    spoil()
    t.deepEqual(
      (await law(t, world, at('/x.tgz', { to: `${bin}/` }))).map(({ property }) => property),
      ['content'],
    )
  }
  t.is(readFileSync(join(bin, 'theirs'), 'utf8'), '')
  t.is(readFileSync(join(bin, 'loopback'), 'utf8'), 'plugin loopback')
})

for (const name of HOSTILE.filter((one) => !/[\n\r]/.test(one)))
  test(`law: ${JSON.stringify(name)}`, async (t) => {
    const { at, world, bin } = await place(t)
    mkdirSync(join(bin, name))
    await law(t, world, at('/bare', { to: join(bin, name, name) }))
    await law(t, world, at('/x.zip', { to: join(bin, `${name}2`), member: 'nomad' }, 'two'))
    mkdirSync(join(bin, 'all'))
    mkdirSync(join(bin, 'all', name))
    await law(t, world, at('/x.zip', { to: `${join(bin, 'all', name)}/` }, 'three'))
    t.deepEqual(readdirSync(bin).sort(), [name, `${name}2`, 'all'].sort())
  })

test('the stamp: what it notices, and what takes hashing', async (t) => {
  const { at, world, bin, directory, env } = await place(t)
  const one = at('/bare', {})
  const again = async (resource: Resource<ArtifactWant>) => (await differences(resource, { env })).map(show)
  await law(t, world, one)
  const path = join(bin, 'x')
  const { atime, mtime } = statSync(path)
  // the same size, inode and time
  writeFileSync(path, BARE.toString().replace('bare', 'evil'))
  execFileSync('touch', [
    '-d',
    readFileSync(join(directory, 'state/artifacts/x'), 'utf8')
      .split('\n')[2]
      ?.replace(/^\d+ \d+ ([\d.]+) .*/, '@$1') ?? '',
    path,
  ])
  t.deepEqual(await again(one), [])
  t.deepEqual(await again(at('/bare', { paranoid: true })), [`content: ${path} was changed → bare`])
  await law(t, world, at('/bare', { paranoid: true }))
  t.deepEqual(readFileSync(path), BARE)
  utimesSync(path, atime, mtime)
  t.deepEqual(await again(one), [`content: ${path} was changed → bare`])
  await law(t, world, one)
  t.deepEqual(readFileSync(path), BARE)
  // content that is right keeps its inode: whoever runs it is not disturbed
  const { ino } = statSync(path)
  rmSync(join(directory, 'state/artifacts/x'))
  t.deepEqual((await law(t, world, one)).map(show), ['state: of unknown origin → bare'])
  t.is(statSync(path).ino, ino)
  for (const spoilt of ['', 'x\n', 'caravan-artifact 1\n', `${'x'.repeat(200_000)}\n`, '\0\n/etc/passwd\n']) {
    writeFileSync(join(directory, 'state/artifacts/x'), spoilt)
    t.is((await law(t, world, one)).length, 1, spoilt.slice(0, 20))
  }
  t.deepEqual(
    await observe([one, at('/bare', {}, 'none')], { env }).then((all) => all.map((stamp) => (stamp as Stamp).present)),
    [true, true],
  )
})

test('a run that was cut off leaves nothing in place, and the next one goes on', async (t) => {
  const { at, world, bin, directory } = await place(t)
  mkdirSync(join(directory, 'state/artifacts/.x.work/out'), { recursive: true })
  writeFileSync(join(bin, '.x.caravan'), 'half')
  await law(t, world, at('/x.zip', { member: 'nomad' }))
  t.deepEqual([readdirSync(bin), readdirSync(join(directory, 'state/artifacts'))], [['x'], ['x']])
})

/** What the controller sends, kept by its sum as the engine does. */
const byController = async (resource: Resource<ArtifactWant>, directory: string, env: Record<string, string>) => {
  const [found] = await observe([resource], { env })
  const changes = artifactType.diff(resource.want, found as Stamp, { changes: () => false })
  const sent: string[] = []
  const upload = async (content: Uint8Array): Promise<string> => {
    const path = join(directory, 'uploads', createHash('sha256').update(content).digest('hex'))
    writeFileSync(path, content)
    sent.push(path)
    return path
  }
  const text = await artifactType.apply({ id: resource.id, want: resource.want, have: found as Stamp, changes, upload })
  return { ran: await fragment(text, { env: { ...env, PATH: `${directory}/path:${process.env.PATH}` } }), sent, text }
}

test.serial('by the controller: the host needs neither network nor unzip', async (t) => {
  const { at, bin, directory, env, requests } = await place(t)
  process.env.XDG_CACHE_HOME = sandbox(t)
  mkdirSync(join(directory, 'path'))
  for (const program of ['curl', 'unzip', 'bsdtar', 'python3'])
    writeFileSync(join(directory, 'path', program), '#!/bin/sh\nexit 99\n', { mode: 0o755 })
  const by = { by: 'controller' } as const
  for (const resource of [
    at('/bare', by),
    at('/x.zip', { ...by, member: 'nomad' }),
    at('/x.tgz', { ...by, member: 'bridge' }),
    at('/x.tgz', { ...by, to: `${bin}/` }, 'all'),
    at('/x.zip', { ...by, to: `${bin}/` }, 'zip'),
  ]) {
    const { ran, text } = await byController(resource, directory, env)
    t.is(ran.code, 0, ran.stderr)
    t.deepEqual(await differences(resource, { env }), [])
    const before = snapshot(directory)
    t.is((await fragment(text, { env })).code, 0)
    t.deepEqual(snapshot(directory), before)
  }
  t.deepEqual((readdirSync(bin, { recursive: true }) as string[]).sort(), [
    'LICENSE.txt',
    'bridge',
    'build',
    'build/below',
    "build/below/it's $(touch pwned)",
    'build/dataplaneapi',
    'deep',
    'deep/er',
    'deep/er/x',
    'loopback',
    'nomad',
    'x',
  ])
  t.deepEqual(requests, ['/bare', '/x.zip', '/x.tgz'])
  chmodSync(join(bin, 'nomad'), 0o600)
  const { sent, ran } = await byController(at('/x.zip', { ...by, to: `${bin}/` }, 'zip'), directory, env)
  t.deepEqual([ran.code, sent], [0, []])
})

test.serial('by the controller: an upload that was changed on its way is not installed', async (t) => {
  const { at, bin, directory, env } = await place(t)
  process.env.XDG_CACHE_HOME = sandbox(t)
  for (const resource of [at('/bare', { by: 'controller' }), at('/x.tgz', { by: 'controller', member: 'bridge' })]) {
    const { text, sent } = await byController(resource, `${directory}`, env)
    rmSync(join(bin, 'x'))
    rmSync(join(directory, 'state/artifacts/x'))
    writeFileSync(sent[0] ?? '', 'changed')
    const { code, stderr } = await fragment(text, { env })
    t.is(code, 1)
    t.regex(stderr, /is not what was pinned: expected sha256 [0-9a-f]{64}, got [0-9a-f]{64} \(7 bytes\)\n$/)
    t.false(existsSync(join(bin, 'x')))
  }
})

test('fails, names the URL and what came, and leaves what is there', async (t) => {
  const link = tar(t, (directory) => symlinkSync('/etc/passwd', join(directory, 'nomad')))
  const outside = makeZip([{ name: '../../outside', content: 'x' }])
  const { at, url, bin, directory, env } = await place(t, [
    ['/link.tgz', link],
    ['/outside.zip', outside],
    ['/text.zip', Buffer.from('hello')],
    ['/text.tgz', Buffer.from('hello')],
  ])
  writeFileSync(join(bin, 'x'), 'old')
  mkdirSync(join(bin, 'directory'))
  mkdirSync(join(bin, 'full/bridge'), { recursive: true })
  const before = snapshot(directory).filter((line) => !line.includes('state'))
  const reason = async (resource: Resource<ArtifactWant>, more: Record<string, string> = {}) => {
    const { code, stderr } = await applyOnce(resource, { env: { ...env, ...more } })
    t.is(code, 1, resource.want.url)
    t.deepEqual(
      snapshot(directory).filter((line) => !line.includes('state')),
      before,
    )
    t.deepEqual(
      existsSync(join(directory, 'state/artifacts')) ? readdirSync(join(directory, 'state/artifacts')) : [],
      [],
    )
    return stderr.trim().split('\n').at(-1)
  }
  const wrongSum = `is not what was pinned: expected sha256 ${A}, got`
  t.is(
    await reason(at('/x.zip', { member: 'nomad', sha256: A })),
    `${url}/x.zip ${wrongSum} ${sha256(ZIP)} (${ZIP.length} bytes)`,
  )
  t.is(
    await reason(at('/portal.zip', { member: 'nomad', sha256: A })),
    `${url}/portal.zip ${wrongSum} ${sha256(Buffer.from('<!DOCTYPE HTML>\n<html>Please log in</html>'))} (42 bytes, an HTML page)`,
  )
  t.regex((await reason(at('/empty.zip', { member: 'nomad', sha256: A }))) ?? '', /\(0 bytes\)$/)
  t.is(
    await reason(at('/none.zip', { member: 'nomad' })),
    `${url}/none.zip could not be downloaded: curl: (22) The requested URL returned error: 404`,
  )
  t.is(
    await reason(at('/hang.zip', { member: 'nomad', deadline: '1s' })),
    `${url}/hang.zip could not be downloaded: not within 1 s`,
  )
  t.is(
    await reason(at('/x.zip', { member: 'consul' })),
    `${url}/x.zip holds no file consul; it holds LICENSE.txt deep/er/x nomad`,
  )
  t.is(
    await reason(at('/x.zip', { member: 'deep' })),
    `${url}/x.zip holds no file deep; it holds LICENSE.txt deep/er/x nomad`,
  )
  t.regex(
    (await reason(at('/link.tgz', { member: 'nomad' }))) ?? '',
    /link\.tgz holds no file nomad; it holds nothing$/,
  )
  t.is(await reason(at('/link.tgz', { to: `${bin}/` })), `${url}/link.tgz holds what is no file: nomad`)
  t.is(await reason(at('/text.zip', { member: 'x' })), `${url}/text.zip is no zip archive that can be read`)
  t.is(await reason(at('/text.tgz', { member: 'x' })), `${url}/text.tgz is no archive that tar can read`)
  t.is(await reason(at('/x.tgz', { to: `${bin}/`, strip: 5 })), `${url}/x.tgz holds no file below 5 directories`)
  t.is(await reason(at('/bare', { to: join(bin, 'directory') })), 'there is a directory in its place')
  t.regex((await reason(at('/bare', { owner: 'caravan-nobody' }))) ?? '', /^chown: invalid user/)
  t.is(await reason(at('/bare', { to: join(bin, 'none/x') })), 'the directory that it goes to does not exist')
  t.regex((await reason(at('/x.tgz', { to: join(bin, 'none/') }))) ?? '', /the directory .*none\/ does not exist/)
  t.false(existsSync(join(directory, 'outside')))
})

test('a directory in the place of one of many files', async (t) => {
  const { at, bin, env } = await place(t)
  mkdirSync(join(bin, 'bridge'))
  const { code, stderr } = await applyOnce(at('/x.tgz', { to: `${bin}/` }), { env })
  t.deepEqual([code, stderr], [1, `there is a directory in the place of ${bin}/bridge\n`])
})

// what is called python3 may be a wrapper in another language
const pathOf = (program: string): string =>
  (program === 'python3'
    ? execFileSync('python3', ['-c', 'import sys; print(sys.executable)'])
    : execFileSync('sh', ['-c', `command -v ${program}`])
  )
    .toString()
    .trim()

test('what the host lacks is named, with the way out', async (t) => {
  const { at, directory, env } = await place(t)
  const only = (...programs: string[]) => {
    const path = join(directory, 'only')
    rmSync(path, { recursive: true, force: true })
    mkdirSync(path)
    for (const program of [
      'sh',
      'sha256sum',
      'stat',
      'mkdir',
      'rm',
      'mv',
      'cp',
      'chmod',
      'chown',
      'cat',
      'wc',
      'head',
      'tr',
      'timeout',
      'sed',
      'find',
      'sort',
      ...programs,
    ])
      symlinkSync(pathOf(program), join(path, program))
    return { env: { ...env, PATH: path } }
  }
  const one = at('/x.zip', { member: 'nomad' })
  t.regex((await applyOnce(one, only())).stderr, /curl is not installed on the host: .*by: controller\)\n$/)
  t.regex((await applyOnce(one, only('curl'))).stderr, /the host can unpack no zip archive: .*by: controller\)\n$/)
  for (const program of ['unzip', 'bsdtar', 'python3']) {
    if (execFileSync('sh', ['-c', `command -v ${program} || :`]).length === 0) {
      t.log(`skipped: no ${program} here`)
      continue
    }
    await law(
      t,
      { options: only('curl', program), snapshot: async (times) => snapshot(directory, { times }) },
      at('/x.zip', { member: 'nomad' }, program),
    )
    t.is((await applyOnce(at('/x.zip', { to: `${directory}/bin/` }, `${program}-all`), only('curl', program))).code, 0)
  }
})
