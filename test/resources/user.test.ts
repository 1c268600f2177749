import test from 'ava'
import { group } from '../../core/resources/group.ts'
import { type UserHave, type UserOptions, user, userType } from '../../core/resources/user.ts'
import { applyOnce, law, lawOfUnknown, myName, observe } from './law.ts'
import { privateHost } from './private-host.ts'
import { diffTable, garbageTable, show, wrongTable } from './tables.ts'

const want = (options: UserOptions = {}) => user('nomad', options).want
const have: UserHave = {
  state: 'present',
  uid: 990,
  group: 'nomad',
  home: '/home/nomad',
  shell: '/bin/sh',
  groups: ['adm'],
}

diffTable(userType, [
  ['absent', want({ groups: ['docker'] }), { state: 'absent' }, ['state: absent → present']],
  ['nothing asked', want(), have, []],
  ['system is for new ones', want({ system: true }), have, []],
  ['equal', want({ uid: 990, group: 'nomad', home: '/home/nomad', shell: '/bin/sh', groups: ['adm'] }), have, []],
  ['uid', want({ uid: 0 }), have, ['uid: 990 → 0']],
  ['group', want({ group: 'adm' }), have, ['group: nomad → adm']],
  [
    'home and shell',
    want({ home: '/x', shell: '/bin/false' }),
    have,
    ['home: /home/nomad → /x', 'shell: /bin/sh → /bin/false'],
  ],
  ['groups only add', want({ groups: ['docker', 'adm'] }), have, ['groups: not in docker → in docker']],
  ['the primary group is one of them', want({ groups: ['nomad'] }), have, []],
])

wrongTable([
  ...['', 'a b', "it's", 'a\nb', '$(id)', '-x', '0a', 'Root', 'a:b', 'ü', 'a\0', 'x'.repeat(33)].map(
    (name) => [() => user(name), /not a name of a user/] as const,
  ),
  [() => user('a', { group: '$(id)' }), /not a name/],
  [() => user('a', { groups: ['b', 'c d'] }), /"c d" is not a name/],
  [() => user('a', { uid: -1 }), /uid -1/],
  [() => user('a', { uid: 1.5 }), /uid 1.5/],
  [() => user('a', { home: 'x' }), /relative/],
  [() => user('a', { home: '/a:b' }), /cannot be written/],
  [() => user('a', { shell: '/bin/sh\nroot' }), /cannot be written/],
])

const line = 'nomad:x:990:990:a comment:/home/nomad:/bin/sh'
garbageTable('user', (output) => userType.parse(output, [user('nomad')]), [
  '',
  `${line}\n`,
  `${line}:more\n--\n`,
  'nomad:x:y:990::/:/bin/sh\n--\n',
  `${line}\n--\nnomad:x:990\n`,
  `${line}\n--\n--\n`,
])

test('parse: what is left out is absent; membership is read from the groups', (t) => {
  const all = [user('root'), user('nomad'), user('gone')]
  const output =
    'nomad:x:990:990::/home/nomad:/bin/sh\nroot:x:0:0:root:/root:/bin/sh\n--\nnomad:x:990:\nadm:x:4:syslog,nomad\nx:x:5:nomad2\n'
  const found = userType.parse(output, all)
  t.deepEqual(found.get('nomad'), have)
  t.deepEqual(found.get('root'), { state: 'present', uid: 0, group: '0', home: '/root', shell: '/bin/sh', groups: [] })
  t.deepEqual(found.get('gone'), { state: 'absent' })
})

test('merge: groups are united, the rest complements', (t) => {
  t.deepEqual(
    userType.merge?.(want({ groups: ['a'], uid: 1 }), want({ groups: ['b', 'a'], home: '/x' })),
    want({ groups: ['a', 'b'], uid: 1, home: '/x' }),
  )
  t.is(userType.merge?.(want({ uid: 1 }), want({ uid: 2 })), undefined)
  t.is(userType.merge?.(want({ system: true }), want()), undefined)
})

test('probe: the real account database', async (t) => {
  const [me, nobody, root] = (await observe([
    user(myName),
    user('caravan-nobody', { groups: ['root'] }),
    user('root'),
  ])) as UserHave[]
  t.like(me, { state: 'present', uid: process.getuid?.() })
  t.deepEqual(nobody, { state: 'absent' })
  t.like(root, { uid: 0, group: 'root', home: '/root' })
  t.deepEqual(await observe([user('caravan-nobody')]), [{ state: 'absent' }])
})

test('law: on a private host', async (t) => {
  const world = await privateHost(t)
  if (world === undefined) return
  const lawOf = async (name: string, options: UserOptions) => (await law(t, world, user(name, options))).map(show)
  const system: UserOptions = { system: true, home: '/opt/consul', shell: '/bin/false' }
  t.deepEqual(await lawOf('consul', system), ['state: absent → present'])
  t.deepEqual(await lawOf('consul', system), [])
  t.deepEqual(await lawOf('consul', { ...system, home: '/opt/x', groups: ['adm'] }), [
    'home: /opt/consul → /opt/x',
    'groups: not in adm → in adm',
  ])
  t.deepEqual(await lawOf('consul', { ...system, home: '/opt/x', groups: ['audio'] }), [
    'groups: not in audio → in audio',
  ])
  t.deepEqual(await lawOf('consul', { ...system, home: '/opt/x', groups: ['adm', 'audio'] }), [])
  t.deepEqual(await lawOf('person', { uid: 4242, group: 'adm', groups: ['audio'] }), ['state: absent → present'])
  t.deepEqual(await lawOf('person', { uid: 4243, group: 'users' }), ['uid: 4242 → 4243', 'group: adm → users'])
  await lawOfUnknown(t, world, user('other', system))
  // a group of its name that exists already becomes its group
  await applyOnce(group('nomad'), world.options)
  t.deepEqual(await lawOf('nomad', { system: true, group: 'nomad' }), ['state: absent → present'])
  await applyOnce(group('docker'), world.options)
  t.deepEqual(await lawOf('docker', {}), ['state: absent → present'])
  const { code, stderr } = await applyOnce(user('bad', { groups: ['no-such-group'] }), world.options)
  t.not(code, 0)
  t.regex(stderr, /group 'no-such-group' does not exist/)
})
