import { readFileSync } from 'node:fs'
import test from 'ava'
import { type SysctlHave, sysctl, sysctlType } from '../../core/resources/sysctl.ts'
import { applyOnce, law, lawOfUnknown, observe } from './law.ts'
import { privateHost } from './private-host.ts'
import { fragment } from './sh.ts'
import { diffTable, garbageTable, show, wrongTable } from './tables.ts'

const exactly = (value: string | number) => sysctl('a.b', value).want
const atLeast = (value: string | number) => sysctl('a.b', value, { atLeast: true }).want
const have = (live?: string, persisted?: string): SysctlHave => ({ live, persisted })

diffTable(sysctlType, [
  ['equal', exactly(1), have('1', '1'), []],
  ['no such key', exactly(1), have(), ['live: (absent) → 1', 'persisted: (absent) → 1']],
  ['live', exactly(1), have('0', '1'), ['live: 0 → 1']],
  ['persisted', exactly(1), have('1', '0'), ['persisted: 0 → 1']],
  ['greater is other', exactly(1), have('2', '1'), ['live: 2 → 1']],
  ['white space', exactly('250  32000\t32 128'), have('250 32000 32 128', '250 32000 32 128'), []],
  ['at least: equal', atLeast(5), have('5', '5'), []],
  ['at least: greater', atLeast(5), have('10', '7'), []],
  ['at least: live is less', atLeast(262144), have('65530', '300000'), ['live: 65530 → 262144']],
  ['at least: never lowered at boot', atLeast(262144), have('1048576'), ['persisted: (absent) → 1048576']],
  ['at least: both', atLeast(262144), have('65530'), ['live: 65530 → 262144', 'persisted: (absent) → 262144']],
  ['at least: no number', atLeast(5), have('many', '5'), ['live: many → 5']],
  ['at least: not as text', atLeast(10), have('9', '9'), ['live: 9 → 10', 'persisted: 9 → 10']],
])

wrongTable([
  ...['', 'a', 'a b.c', '$(id).a', 'a..b', '../x.y', 'a.b/c', "a.'", 'a.b\n', 'a.\0', '*.x'].map(
    (key) => [() => sysctl(key, 1), /not a key of sysctl/] as const,
  ),
  [() => sysctl('a.b', ''), /not one line/],
  [() => sysctl('a.b', 'x\0'), /not one line/],
  [() => sysctl('a.b', 'x', { atLeast: true }), /whole number/],
  [() => sysctl('a.b', -1, { atLeast: true }), /whole number/],
])

const LIVE = '/proc/sys/a/b'
const FILE = '/etc/sysctl.d/90-caravan-a.b.conf'

garbageTable('sysctl', (output) => sysctlType.parse(output, [sysctl('a.b', 1)]), [
  '1\n',
  '/proc/sys/a/c:1\n',
  `x${LIVE}:1\n`,
])

const OUTPUTS: readonly [output: string, have: SysctlHave][] = [
  ['', have()],
  [`${LIVE}:4\t4  1\n${FILE}:a.b = 4 4 1\n`, have('4 4 1', '4 4 1')],
  [`${LIVE}:1\n${FILE}:# a.b = 1\n`, have('1')],
  [`${FILE}:a.b = 1\n${FILE}:a.b = 2\n`, have()],
  [`${FILE}:a.c = 1\n`, have()],
]

for (const [output, expected] of OUTPUTS)
  test(`parse: ${JSON.stringify(output)}`, (t) =>
    t.deepEqual(sysctlType.parse(output, [sysctl('a.b', 1)]).get('a.b'), expected))

test('merge: the greater floor; an exact value that reaches it', (t) => {
  t.is(sysctlType.merge?.(atLeast(1), atLeast(2))?.value, '2')
  t.is(sysctlType.merge?.(atLeast(2), atLeast(1))?.value, '2')
  t.deepEqual(sysctlType.merge?.(atLeast(1), exactly(2)), exactly(2))
  t.deepEqual(sysctlType.merge?.(exactly(2), atLeast(1)), exactly(2))
  t.is(sysctlType.merge?.(exactly(1), atLeast(2)), undefined)
  t.is(sysctlType.merge?.(exactly(1), exactly(2)), undefined)
})

test('it owns the file that keeps it', (t) => {
  t.is(sysctlType.identity?.('a.b'), `path:${FILE}`)
  t.deepEqual(sysctlType.inputs?.('a.b', exactly(1)), [FILE])
})

test('probe: the real kernel', async (t) => {
  const normal = (path: string) => readFileSync(path, 'utf8').trim().split(/\s+/).join(' ')
  const found = (await observe([
    sysctl('kernel.sem', 1),
    sysctl('kernel.no-such', 1),
    sysctl('kernel.ostype', 'x'),
  ])) as SysctlHave[]
  const expected = [normal('/proc/sys/kernel/sem'), undefined, normal('/proc/sys/kernel/ostype')]
  t.deepEqual(
    found.map(({ live }) => live),
    expected,
  )
})

test('law: on a private host', async (t) => {
  const world = await privateHost(t)
  if (world === undefined) return
  const forward = await law(t, world, sysctl('net.ipv4.ip_forward', 1))
  t.deepEqual(forward.map(show), ['live: 0 → 1', 'persisted: (absent) → 1'])
  await law(t, world, sysctl('net.ipv4.ip_local_port_range', '20000 30000'))
  await lawOfUnknown(t, world, sysctl('net.ipv4.ip_default_ttl', 65))
  // never lowered
  await fragment('echo 200 >/proc/sys/net/ipv4/ip_default_ttl; rm /etc/sysctl.d/90-caravan-*ttl.conf', world.options)
  const raised = await law(t, world, sysctl('net.ipv4.ip_default_ttl', 100, { atLeast: true }))
  t.deepEqual(raised.map(show), ['persisted: (absent) → 200'])
  t.deepEqual(await observe([sysctl('net.ipv4.ip_default_ttl', 1)], world.options), [{ live: '200', persisted: '200' }])
  await fragment('echo 10 >/proc/sys/net/ipv4/ip_default_ttl', world.options)
  t.deepEqual((await law(t, world, sysctl('net.ipv4.ip_default_ttl', 100, { atLeast: true }))).map(show), [
    'live: 10 → 100',
  ])
  const { code, stderr } = await applyOnce(sysctl('net.no.such', 1), world.options)
  t.is(code, 1)
  t.is(stderr, 'the kernel has no key net.no.such: is the module that brings it loaded?\n')
  const refused = await applyOnce(sysctl('net.ipv4.ip_default_ttl', 999), world.options)
  t.not(refused.code, 0)
  t.regex(refused.stderr, /the kernel does not take this value for net.ipv4.ip_default_ttl/)
})
