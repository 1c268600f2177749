import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import {
  aptRepository,
  aptRepositoryType,
  type RepositoryHave,
  type RepositoryOptions,
} from '../../core/resources/apt-repository.ts'
import { type PathState, sha256Of } from '../../core/resources/shared/observe.ts'
import { fingerprintsOf } from '../../core/resources/shared/openpgp.ts'
import { applyOnce, law, lawOfUnknown, sandbox, type World } from './law.ts'
import { privateHost } from './private-host.ts'
import { sh } from './sh.ts'
import { diffTable, show, wrongTable } from './tables.ts'

const KEY = Buffer.from('xjMEU/NfCxYJKwYBBAHaRw8BAQdAPwmJlL3ZFu1AUxl5NOSofIBzOhKA1i+AEJkuQ+47JAY=', 'base64')
const FINGERPRINT = 'C959 BDBA FA32 A2F8 9A15  3B67 8CFD E121 9796 5A9A'
const key = { content: KEY, fingerprint: FINGERPRINT }
const options: RepositoryOptions = {
  uris: ['https://apt.example.com'],
  suites: ['bookworm'],
  components: ['main'],
  key,
}
const { want } = aptRepository('example', options)
const TEXT =
  'Types: deb\nURIs: https://apt.example.com\nSuites: bookworm\nComponents: main\nSigned-By: /etc/apt/keyrings/example.gpg\n'

const state = (content: Uint8Array): PathState => ({
  kind: 'file',
  owner: 'root',
  group: 'root',
  uid: '0',
  gid: '0',
  mode: '0644',
  size: content.length,
  sha256: sha256Of(content),
  content: Buffer.from(content),
})
const have: RepositoryHave = { sources: state(want.sources.content), keyring: state(KEY) }
const OLD = Buffer.from('old')
const short = (content: Uint8Array) => `sha256 ${sha256Of(content).slice(0, 12)}`

diffTable(aptRepositoryType, [
  ['equal', want, have, []],
  [
    'absent',
    want,
    { sources: { kind: 'absent' }, keyring: { kind: 'absent' } },
    [
      `key: absent → ${short(KEY)}`,
      `source: absent → ${short(want.sources.content)} ${JSON.stringify({ from: '', to: TEXT })}`,
    ],
  ],
  ['the key', want, { ...have, keyring: state(OLD) }, [`key: ${short(OLD)} → ${short(KEY)}`]],
  [
    'the source',
    want,
    { ...have, sources: state(OLD) },
    [`source: ${short(OLD)} → ${short(want.sources.content)} ${JSON.stringify({ from: 'old', to: TEXT })}`],
  ],
  ['mode', want, { ...have, keyring: { ...state(KEY), mode: '0600' } as PathState }, ['key: mode 0600 → 0644']],
  [
    'a link',
    want,
    { ...have, sources: { ...state(OLD), kind: 'symlink' } as PathState },
    [`source: symlink → ${short(want.sources.content)}`],
  ],
])

test('the source in full', (t) => {
  const full = aptRepository('x', {
    ...options,
    uris: ['https://a.example.com/x', 'http://b.example.com'],
    suites: ['a', 'b'],
    components: ['main', 'contrib'],
    architectures: ['amd64', 'arm64'],
  })
  t.is(
    Buffer.from(full.want.sources.content).toString(),
    'Types: deb\nURIs: https://a.example.com/x http://b.example.com\nSuites: a b\nComponents: main contrib\nArchitectures: amd64 arm64\nSigned-By: /etc/apt/keyrings/x.gpg\n',
  )
  t.is(Buffer.from(want.sources.content).toString(), TEXT)
  t.is(aptRepositoryType.identity?.('x'), 'path:/etc/apt/sources.list.d/x.sources')
  t.deepEqual(aptRepositoryType.inputs?.('x', want), ['/etc/apt/sources.list.d/x.sources'])
})

const repository =
  (changes: Partial<RepositoryOptions>, name = 'x') =>
  () =>
    aptRepository(name, { ...options, ...changes })
wrongTable([
  ...['', 'a b', '.x', 'a/b', '$(id)', 'x\n', "it's"].map(
    (name) => [repository({}, name), /its name must be/] as const,
  ),
  [repository({ uris: [] }), /at least one URI/],
  [repository({ suites: [] }), /at least one/],
  ...['apt.example.com', 'https://a b', 'https://x\nTrusted: yes', 'ftp://x'].map(
    (uri) => [repository({ uris: [uri] }), /not one of uris/] as const,
  ),
  [repository({ suites: ['a b'] }), /not one of suites/],
  [repository({ components: ['a\nb'] }), /not one of components/],
  [repository({ architectures: ['AMD'] }), /not one of architectures/],
  [repository({ components: [] }), /suites have components/],
  [repository({ suites: ['./'] }), /suites have components/],
  [repository({ key: { fingerprint: FINGERPRINT } }), /exactly one of content and source/],
  [repository({ key: { ...key, source: '/x' } }), /exactly one of content and source/],
  [repository({ key: { source: '/nonexistent/key', fingerprint: FINGERPRINT } }), /cannot be used: .*nonexistent/],
  [
    repository({ key: { content: '<!DOCTYPE html>', fingerprint: FINGERPRINT } }),
    /cannot be used: it is no OpenPGP key/,
  ],
  [repository({ key: { ...key, fingerprint: 'ABCD1234' } }), /40 hexadecimal digits/],
  [repository({ key: { ...key, fingerprint: [] } }), /40 hexadecimal digits/],
  [
    repository({ key: { ...key, fingerprint: 'A'.repeat(40) } }),
    new RegExp(`its key has the fingerprint ${FINGERPRINT.replaceAll(' ', '')}, and not ${'A'.repeat(40)}`),
  ],
  [
    repository({ key: { ...key, content: Buffer.concat([KEY, Buffer.from(KEY).fill(7, 4, 8)]) } }),
    /fingerprint [0-9A-F]{40} and [0-9A-F]{40}, and not/,
  ],
])

test('several keys, when all of them were asked for', (t) => {
  const other = Buffer.from(KEY).fill(7, 4, 8)
  const content = Buffer.concat([KEY, other])
  t.notThrows(repository({ key: { content, fingerprint: [FINGERPRINT.toLowerCase(), ...fingerprintsOf(other)] } }))
})

// A signed repository of one package, and a source of somebody else that cannot be read.
const REPOSITORY = `
set -e
mkdir -p /mnt/repository/dists/x/main/binary-all /mnt/work/p/DEBIAN && cd /mnt/repository
printf 'Package: caravan-aa\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.com>\\nDescription: x\\n' >/mnt/work/p/DEBIAN/control
dpkg-deb -b /mnt/work/p aa.deb >/dev/null
{ dpkg-deb -f aa.deb; printf 'Filename: aa.deb\\nSize: %s\\nSHA256: %s\\n' "$(stat -c %s aa.deb)" "$(sha256sum <aa.deb | cut -d' ' -f1)"; } >dists/x/main/binary-all/Packages
cd dists/x
printf 'Suite: x\\nCodename: x\\nArchitectures: all %s\\nComponents: main\\nDate: %s\\nSHA256:\\n %s %s main/binary-all/Packages\\n' "$(dpkg --print-architecture)" "$(LC_ALL=C date -Ru)" "$(sha256sum <main/binary-all/Packages | cut -d' ' -f1)" "$(stat -c %s main/binary-all/Packages)" >Release
gpg --homedir "$GNUPGHOME" --batch --no-tty -u one@example.com --clearsign -o InRelease Release
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*
mkdir -p /var/lib/apt/lists/partial
echo 'deb http://127.0.0.1:9/ x main' >/etc/apt/sources.list.d/broken.list
touch /var/lib/apt/lists/theirs_InRelease /var/lib/apt/lists`

type Place = World & { options: { inside: number; env: Record<string, string> }; keyOf: (who: string) => Buffer }

const place = async (t: ExecutionContext): Promise<Place | undefined> => {
  if (!existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/gpg')) {
    t.log('skipped: it takes apt and gpg')
    t.pass()
    return undefined
  }
  const world = await privateHost(t)
  if (world === undefined) return undefined
  const home = sandbox(t)
  const gpg = (...words: string[]) =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--no-tty', ...words], { stdio: 'pipe' })
  for (const who of ['one', 'two'])
    gpg(
      '--pinentry-mode',
      'loopback',
      '--passphrase',
      '',
      '--quick-generate-key',
      `${who}@example.com`,
      'rsa2048',
      'sign',
      'never',
    )
  const options = { ...world.options, inside: world.options.inside ?? 0, env: { GNUPGHOME: home } }
  const { code, stderr } = await sh(REPOSITORY, options)
  t.is(code, 0, stderr)
  return { ...world, options, keyOf: (who) => gpg('--armor', '--export', `${who}@example.com`) }
}

const local = (content: Buffer) =>
  aptRepository('local', {
    uris: ['file:/mnt/repository'],
    suites: ['x'],
    components: ['main'],
    key: { content, fingerprint: fingerprintsOf(content) },
  })

test('law: a signed repository, by the real apt', async (t) => {
  const world = await place(t)
  if (world === undefined) return
  const run = async (script: string) => (await sh(script, world.options)).stdout
  const policy = "apt-cache policy caravan-aa | grep -o '/mnt/repository x/main.*'"
  const resource = local(world.keyOf('one'))
  t.deepEqual(
    (await law(t, world, resource)).map(({ property }) => property),
    ['key', 'source'],
  )
  t.regex(await run(policy), /^\/mnt\/repository x\/main/)
  // the lists of others stay, and all count as fresh: they were
  t.is(
    await run('ls /var/lib/apt/lists/theirs_InRelease; find /etc/apt/sources.list.d -newer /var/lib/apt/lists'),
    '/var/lib/apt/lists/theirs_InRelease\n',
  )
  t.is(
    await run(
      'stat -c %a /etc/apt/keyrings /etc/apt/keyrings/* /etc/apt/sources.list.d/local.sources; ls /run/caravan',
    ),
    '755\n644\n644\n',
  )
  await run('rm /var/lib/apt/lists/*Release; echo x >>/etc/apt/sources.list.d/local.sources')
  await law(t, world, resource)
  t.is((await run('find /var/lib/apt/lists -maxdepth 0 -mmin +1440')).trim(), '/var/lib/apt/lists')
  await run('touch -d "3 days ago" /var/lib/apt/lists; echo x >>/etc/apt/sources.list.d/local.sources')
  t.deepEqual(
    (await law(t, world, resource)).map(({ property }) => property),
    ['source'],
  )
  t.is((await run('find /var/lib/apt/lists -maxdepth 0 -mmin +1440')).trim(), '/var/lib/apt/lists')
  await run('chmod 0600 /etc/apt/keyrings/local.asc')
  t.deepEqual((await law(t, world, resource)).map(show), ['key: mode 0600 → 0644'])
  await lawOfUnknown(t, world, resource)
})

test('a key that did not sign it, or a repository that does not answer, leaves all as it was', async (t) => {
  const world = await place(t)
  if (world === undefined) return
  const files = async () =>
    (await sh('cat /etc/apt/keyrings/* /etc/apt/sources.list.d/*; ls /etc/apt/keyrings', world.options)).stdout
  const reason = async (resource: ReturnType<typeof aptRepository>) => {
    const before = await files()
    const { code, stderr } = await applyOnce(resource, world.options)
    t.not(code, 0)
    t.is(await files(), before)
    return stderr.trim().split('\n').at(-1)
  }
  const why = 'apt cannot read this repository, or its signature is not by this key'
  t.is(await reason(local(world.keyOf('two'))), why)
  t.is((await applyOnce(local(world.keyOf('one')), world.options)).code, 0)
  t.is(await reason(local(world.keyOf('two'))), why)
  t.is(await reason(aptRepository('dead', { ...options, uris: ['http://127.0.0.1:9'] })), why)
})

test('a key is read from a file of this computer too', (t) => {
  const path = join(sandbox(t), 'key')
  writeFileSync(path, KEY)
  t.deepEqual(aptRepository('example', { ...options, key: { source: path, fingerprint: FINGERPRINT } }).want, want)
})
