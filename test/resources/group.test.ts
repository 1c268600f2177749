import test from 'ava'
import { type GroupOptions, group, groupType } from '../../core/resources/group.ts'
import { applyOnce, law, lawOfUnknown, observe } from './law.ts'
import { privateHost } from './private-host.ts'
import { diffTable, garbageTable, show, wrongTable } from './tables.ts'

const want = (options: GroupOptions = {}) => group('docker', options).want

diffTable(groupType, [
  ['absent', want(), { state: 'absent' }, ['state: absent → present']],
  ['present', want(), { state: 'present', gid: 1 }, []],
  ['system is for new ones', want({ system: true }), { state: 'present', gid: 5000 }, []],
  ['gid', want({ gid: 2 }), { state: 'present', gid: 1 }, ['gid: 1 → 2']],
])

wrongTable([
  ...['', 'a b', "it's", 'a\nb', '$(id)', '-x', '1', 'a\0'].map((name) => [() => group(name), /not a name/] as const),
  [() => group('a', { gid: 2 ** 32 }), /gid 4294967296/],
])

garbageTable('group', (output) => groupType.parse(output, [group('docker')]), [
  'docker',
  'docker:x:1',
  'docker:x:y:\n',
  'a:b:1:c:d\n',
])

test('merge', (t) => {
  t.deepEqual(groupType.merge?.(want({ gid: 1 }), want()), want({ gid: 1 }))
  t.is(groupType.merge?.(want({ gid: 1 }), want({ gid: 2 })), undefined)
  t.is(groupType.merge?.(want({ system: true }), want()), undefined)
})

test('probe: the real account database', async (t) => {
  const found = await observe([group('caravan-nobody'), group('root')])
  t.deepEqual(found, [{ state: 'absent' }, { state: 'present', gid: 0 }])
})

test('law: on a private host', async (t) => {
  const world = await privateHost(t)
  if (world === undefined) return
  t.deepEqual((await law(t, world, group('docker', { system: true }))).map(show), ['state: absent → present'])
  t.deepEqual((await law(t, world, group('docker', { system: true, gid: 4321 }))).length, 1)
  t.deepEqual(await law(t, world, group('docker', { gid: 4321 })), [])
  await lawOfUnknown(t, world, group('other', { gid: 4322 }))
  const { code, stderr } = await applyOnce(group('another', { gid: 4322 }), world.options)
  t.not(code, 0)
  t.regex(stderr, /GID '4322' already exists/)
})
