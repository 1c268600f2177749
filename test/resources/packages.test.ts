import { existsSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import { type Resource, Unknown } from '../../core/declare/resource.ts'
import {
  type PackageHave,
  type PackageOptions,
  type PackageWant,
  packages,
  packageType,
} from '../../core/resources/packages.ts'
import { applyOnce, law, lawOfUnknown, observe, type World } from './law.ts'
import { privateHost } from './private-host.ts'
import { fragment, sh } from './sh.ts'
import { diffTable, garbageTable, show, wrongTable } from './tables.ts'

const one = (name: string, options: Omit<PackageOptions, 'name'> = {}): Resource<PackageWant> =>
  packages([{ name, ...options }])[0] as Resource<PackageWant>
const gone = (name: string): Resource<PackageWant> => packages.absent([name])[0] as Resource<PackageWant>
const want = (options: Omit<PackageOptions, 'name'> = {}) => one('git', options).want
const absent = gone('git').want
const installed: PackageHave = { state: 'installed', version: '1', hold: false }
const broken: PackageHave = { state: 'broken', version: '1', hold: false }

diffTable(packageType, [
  ['equal', want(), installed, []],
  ['absent', want(), { state: 'absent' }, ['state: absent → installed']],
  [
    'absent, pinned and held',
    want({ version: '2', hold: true }),
    { state: 'absent' },
    ['state: absent → installed 2', 'hold: off → on'],
  ],
  ['absent, not held', want({ hold: false }), { state: 'absent' }, ['state: absent → installed']],
  ['version', want({ version: '2' }), installed, ['version: 1 → 2']],
  ['hold', want({ version: '1', hold: true }), installed, ['hold: off → on']],
  ['unhold', want({ hold: false }), { ...installed, hold: true }, ['hold: on → off']],
  ['a hold that nobody asked about', want(), { ...installed, hold: true }, []],
  ['broken', want(), broken, ['state: broken → installed']],
  ['remove', absent, installed, ['state: installed → absent']],
  ['remove what is broken', absent, broken, ['state: broken → absent']],
  ['removed', absent, { state: 'absent' }, []],
])

wrongTable([
  ...['', 'a', 'a b', 'Git', '-y', 'git;id', '$(id)', "g'it", 'git\n', 'git\0', 'git=1', 'git-'].map(
    (name) => [() => packages([name]), /not a name of a package/] as const,
  ),
  [() => packages.absent(['a b']), /not a name of a package/],
  ...['', 'a', '1 2', '1;id', '$(id)', '1\n'].map(
    (version) => [() => one('git', { version }), /not a version/] as const,
  ),
])

const DPKG = 'dpkg|amd64|1.21|install|installed|ok'
const parse = (output: string, name = 'git') => packageType.parse(output, [one(name)]).get(name)

garbageTable('package', parse, [
  '',
  'git|amd64|1|install|installed|ok\n',
  `${DPKG}\ngit|amd64|1\n`,
  `${DPKG}\nE: x\n`,
  `${DPKG}|more\n`,
])

const ROWS: readonly [row: string, have: PackageHave][] = [
  ['git|amd64|1|install|installed|ok', installed],
  ['git|all|1|install|installed|ok', installed],
  ['git|amd64|1|hold|installed|ok', { ...installed, hold: true }],
  ['git|amd64||unknown|not-installed|ok', { state: 'absent' }],
  ['git|amd64|1|deinstall|config-files|ok', { state: 'absent' }],
  ['git|amd64|1|install|unpacked|ok', broken],
  ['git|amd64|1|install|half-configured|ok', broken],
  ['git|amd64|1|install|half-installed|reinstreq', broken],
  ['git|amd64|1|install|installed|reinstreq', broken],
  ['git|i386|1|install|installed|ok', { state: 'absent' }],
  ['git|i386|2|install|installed|ok\ngit|amd64|1|install|installed|ok', installed],
  ['git|amd64|1|install|installed|ok\ngit|i386|2|install|installed|ok', installed],
]

for (const [row, have] of ROWS)
  test(`parse: ${JSON.stringify(row)}`, (t) => t.deepEqual(parse(`${DPKG}\n${row}\n`), have))

test('parse: another architecture by its name; no dpkg at all', (t) => {
  t.deepEqual(parse(`${DPKG}\ngit|i386|1|install|installed|ok\n`, 'git:i386'), installed)
  t.deepEqual(parse('unknown\n'), new Unknown('the host has no dpkg'))
})

test('merge: a pin and a hold complement; absent contradicts', (t) => {
  t.deepEqual(packageType.merge?.(want({ version: '1' }), want({ hold: true })), want({ version: '1', hold: true }))
  t.is(packageType.merge?.(want({ version: '1' }), want({ version: '2' })), undefined)
  t.is(packageType.merge?.(want({ hold: true }), want({ hold: false })), undefined)
  t.is(packageType.merge?.(want(), absent), undefined)
  t.is(packageType.merge?.(absent, absent), absent)
})

test('one resource a package', (t) => {
  const all = packages(['git', { name: 'docker.io', hold: true }])
  t.deepEqual(
    all.map(({ id }) => id),
    ['git', 'docker.io'],
  )
  t.deepEqual(packageType.inputs?.('docker.io', want()), ['/var/lib/dpkg/info/docker.io.md5sums'])
})

test('probe: the real dpkg, or none', async (t) => {
  if (existsSync('/usr/bin/dpkg-query')) {
    const [dpkg, none] = (await observe([one('dpkg'), one('caravan-no-such')])) as PackageHave[]
    t.like(dpkg, { state: 'installed' })
    t.deepEqual(none, { state: 'absent' })
  } else t.deepEqual(await observe([one('dpkg')]), [new Unknown('the host has no dpkg')])
})

// A repository of four tiny packages: bb depends on aa, cc conflicts with aa, and aa has two versions.
const REPOSITORY = `
set -e
mkdir -p /mnt/repository && cd /mnt/repository
package() {
  mkdir -p work/DEBIAN work/usr/share/caravan
  echo "$2" >"work/usr/share/caravan/$1"
  printf 'Package: %s\\nVersion: %s\\nArchitecture: all\\nMaintainer: x <x@example.com>\\nDescription: x\\n%b' "$1" "$2" "$3" >work/DEBIAN/control
  (cd work && md5sum usr/share/caravan/* >DEBIAN/md5sums)
  dpkg-deb -b work "$1_$2.deb" >/dev/null
  rm -r work
  { dpkg-deb -f "$1_$2.deb"; printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' "$1_$2.deb" "$(stat -c %s "$1_$2.deb")" "$(sha256sum <"$1_$2.deb" | cut -d' ' -f1)"; } >>Packages
}
package caravan-aa 1 ''
package caravan-aa 2 ''
package caravan-bb 1 'Depends: caravan-aa\\n'
package caravan-cc 1 'Conflicts: caravan-aa\\n'
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*
touch -d '2 days ago' /var/lib/apt/lists
echo 'deb [trusted=yes] file:/mnt/repository ./' >/etc/apt/sources.list`

const repository = async (t: ExecutionContext): Promise<World | undefined> => {
  if (!existsSync('/usr/bin/apt-get')) {
    t.log('skipped: no apt here')
    t.pass()
    return undefined
  }
  const world = await privateHost(t)
  if (world === undefined) return undefined
  const { code, stderr } = await sh(REPOSITORY, world.options)
  t.is(code, 0, stderr)
  return world
}

test('law: install, pin, hold, mend and remove, by the real apt', async (t) => {
  const world = await repository(t)
  if (world === undefined) return
  const sums = async () => (await sh('cat /var/lib/dpkg/info/caravan-aa.md5sums', world.options)).stdout
  const lawOf = async (resource: Resource<PackageWant>) => (await law(t, world, resource)).map(show)

  t.deepEqual(await lawOf(one('caravan-aa', { version: '2' })), ['state: absent → installed 2'])
  const before = await sums()
  t.deepEqual(await lawOf(one('caravan-aa', { version: '1', hold: true })), ['version: 2 → 1', 'hold: off → on'])
  t.not(await sums(), before)
  // a held package is moved on purpose only, and stays held
  t.deepEqual(await lawOf(one('caravan-aa', { version: '2' })), ['version: 1 → 2'])
  t.like((await observe([one('caravan-aa')], world.options))[0], { version: '2', hold: true })
  t.deepEqual(await lawOf(one('caravan-aa', { hold: false })), ['hold: on → off'])

  await sh('dpkg --unpack /mnt/repository/caravan-bb_1.deb', world.options)
  t.deepEqual(await lawOf(one('caravan-bb')), ['state: broken → installed'])
  await lawOfUnknown(t, world, one('caravan-bb', { hold: true }))
  // what is removed leaves no hold behind
  t.deepEqual(await lawOf(gone('caravan-bb')), ['state: installed → absent'])
  t.is((await sh('apt-mark showhold', world.options)).stdout, '')
  t.deepEqual(await lawOf(gone('caravan-no-such')), [])
})

test('apply: many at once are one transaction', async (t) => {
  const world = await repository(t)
  if (world === undefined) return
  const first = await applyOnce(one('caravan-aa'), world.options)
  t.is(first.code, 0, first.stderr)
  const all = [one('caravan-cc'), gone('caravan-aa'), gone('caravan-no-such')]
  const haves = await observe(all, world.options)
  const inputs = all.map(({ id, want }, index) => ({
    id,
    want,
    have: haves[index] as PackageHave,
    changes: [],
    upload: async () => '',
  }))
  const { code, stderr, stdout } = await fragment((await packageType.applyAll?.(inputs)) ?? 'false', world.options)
  t.is(code, 0, stderr)
  t.is(stdout.match(/^Setting up caravan-cc/gm)?.length, 1)
  const after = (await observe(all, world.options)) as PackageHave[]
  t.deepEqual(
    after.map(({ state }) => state),
    ['installed', 'absent', 'absent'],
  )
})

test('fails: unknown names, and what would take others along', async (t) => {
  const world = await repository(t)
  if (world === undefined) return
  const reason = async (resource: Resource<PackageWant>) => {
    const before = await world.snapshot(false)
    const { code, stdout } = await applyOnce(resource, world.options)
    t.not(code, 0)
    const dpkg = (lines: readonly string[]) => lines.filter((line) => line.includes('var/lib/dpkg'))
    t.deepEqual(dpkg(await world.snapshot(false)), dpkg(before))
    return stdout.trim().split('\n').at(-1)
  }
  t.is(
    await reason(one('caravan-no-such')),
    'apt knows no package caravan-no-such: is the name right for this release, and its repository set up?',
  )
  // apt-get takes a name that it does not know for a regular expression
  t.regex((await reason(one('caravan-a.'))) ?? '', /^apt knows no package caravan-a\.:/)
  t.is(await reason(one('caravan-aa', { version: '3' })), "E: Version '3' for 'caravan-aa' was not found")
  await applyOnce(one('caravan-bb'), world.options)
  t.regex((await reason(gone('caravan-aa'))) ?? '', /^apt would also remove caravan-bb, which nothing asks for/)
  t.regex((await reason(one('caravan-cc'))) ?? '', /^apt would also remove caravan-(aa|bb), which nothing asks for/)
})

test('the lists are refreshed when they are old or do not offer it, and only then', async (t) => {
  const world = await repository(t)
  if (world === undefined) return
  const installAfter = async (before: string): Promise<string> => {
    await sh(`${before}; apt-get -y -q remove caravan-aa`, world.options)
    const { code, stdout, stderr } = await applyOnce(one('caravan-aa'), world.options)
    t.is(code, 0, stderr)
    return stdout
  }
  const age = (hours: number) => `touch -d '${hours} hours ago' /etc/apt/sources.list* /var/lib/apt/lists`
  t.regex(await installAfter('true'), /InRelease/)
  t.notRegex(await installAfter('true'), /InRelease/)
  t.notRegex(await installAfter(age(23)), /InRelease/)
  t.regex(await installAfter(age(25)), /InRelease/)
  t.regex(await installAfter('touch /etc/apt/sources.list'), /InRelease/)
  // a repository that does not answer is no reason to fail while the lists offer it
  const withoutIt = await installAfter(`${age(25)}; mv /mnt/repository/Packages /mnt/repository/gone`)
  t.regex(withoutIt, /the package lists could not be refreshed/)
})
