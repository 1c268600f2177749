import { createHash } from 'node:crypto'
import test from 'ava'
import { type Resource, Unknown } from '../../core/declare/resource.ts'
import { DeclarationError, ProbeError } from '../../core/errors.ts'
import { file } from '../../core/resources/file.ts'
import { ready } from '../../core/resources/ready.ts'
import { service, serviceType } from '../../core/resources/service.ts'

const config = file('/etc/toy.conf', { content: 'a' })
const soft = file('/etc/toy.soft', { content: 'b' })
const hash = 'a'.repeat(64)
const digest = (...lines: string[]) =>
  createHash('sha256')
    .update(lines.map((line) => `${line}\n`).join(''))
    .digest('hex')
const current = digest(hash)
const started = 'Sun 2026-11-22 20:00:00.500000 UTC'
const before = '1795377600.400000000'
const after = '1795377600.600000000'

type Host = {
  active?: string
  unitFile?: string
  load?: string
  reload?: string
  marker?: string
  ctime?: string
  softCtime?: string
}
const output = ({
  active = 'active',
  unitFile = 'enabled',
  load = 'loaded',
  reload = 'no',
  marker = '-',
  ctime = before,
  softCtime = before,
}: Host) => `LoadState=${load}
ActiveState=${active}
UnitFileState=${unitFile}
NeedDaemonReload=${reload}
InvocationID=inv1
InactiveExitTimestamp=${active === 'inactive' ? '' : started}
=markers
${marker}
=inputs
0
1
=files
${ctime}
${softCtime}
${hash}  /etc/toy.conf
${hash}  /etc/toy.soft
`
const diff = (resource: Resource, host: Host, changed: readonly Resource[] = []): readonly string[] => {
  const have = serviceType.parse(output(host), [resource]).get(resource.id)
  if (have === undefined || Unknown.is(have)) throw new Error('nothing was observed')
  const changes = serviceType.diff(resource.want, have, { changes: (one) => changed.includes(one) })
  return changes.map(({ property, from, to }) => `${property}: ${from} → ${to}`)
}

const unit = service('toy', { enabled: true, running: true, restartOn: [config], reloadOn: [soft] })
const restart = (why: string) => [`restart: ${why} → restarted`]
const reload = (why: string) => [`reload: ${why} → reloaded`]

// What the design says of restarts, line by line.
const cases: [title: string, host: Host, changed: readonly Resource[], ...changes: string[]][] = [
  ['right: no marker, inputs older than the start', {}, []],
  [
    'right: the marker is of this invocation and the files are the same',
    { marker: `inv1 ${current} ${current}`, ctime: after, softCtime: after },
    [],
  ],
  [
    'stale: the marker is of this invocation and a file differs',
    { marker: `inv1 ${digest('b')} ${current}` },
    [],
    ...restart('runs with older files'),
  ],
  [
    'stale: no marker and an input was changed after the start',
    { ctime: after },
    [],
    ...restart('was started before /etc/toy.conf was changed'),
  ],
  [
    'right: the marker is of another invocation, inputs older than the start',
    { marker: `inv0 ${digest('b')} ${digest('b')}` },
    [],
  ],
  [
    'stale: the marker is of another invocation, an input is newer',
    { marker: `inv0 ${current} ${current}`, ctime: after },
    [],
    ...restart('was started before /etc/toy.conf was changed'),
  ],
  ['a broken marker is none', { marker: 'inv1' }, []],
  [
    'an input changes in this run',
    { marker: `inv1 ${current} ${current}` },
    [config],
    ...restart('file /etc/toy.conf changes'),
  ],
  ['a reload input changes in this run', {}, [soft], ...reload('file /etc/toy.soft changes')],
  ['both change: the restart is enough', {}, [config, soft], ...restart('file /etc/toy.conf changes')],
  [
    'a reload input changes while it is not ready yet',
    { active: 'activating' },
    [soft],
    ...restart('file /etc/toy.soft changes'),
  ],
  [
    'a reload input is newer than the start',
    { softCtime: after },
    [],
    ...reload('was started before /etc/toy.soft was changed'),
  ],
  [
    'a reload that is owed by the marker',
    { marker: `inv1 ${current} ${digest('x')}` },
    [],
    ...reload('runs with older files'),
  ],
  ['stopped', { active: 'inactive' }, [config], 'running: inactive → active'],
  ['failed', { active: 'failed' }, [], 'running: failed → active'],
  ['activating counts as running', { active: 'activating' }, []],
  [
    'no unit yet',
    { load: 'not-found', active: 'inactive', unitFile: '' },
    [],
    'enabled: no → yes',
    'running: no unit → active',
  ],
  [
    'masked',
    { load: 'masked', active: 'inactive', unitFile: 'masked' },
    [],
    'enabled: masked → yes',
    'running: inactive → active',
  ],
  ['disabled', { unitFile: 'disabled' }, [], 'enabled: no → yes'],
  ['enabled until the next boot only', { unitFile: 'enabled-runtime' }, [], 'enabled: no → yes'],
  ['static has nothing to enable', { unitFile: 'static' }, []],
  ['its unit file was edited', { reload: 'yes' }, [], 'definition: older than its unit file → loaded again'],
]
for (const [title, host, changed, ...changes] of cases) {
  test(`service: ${title}`, (t) => t.deepEqual(diff(unit, host, changed), changes))
}

const off = service('toy', { enabled: false, running: false })
const unwanted: [title: string, host: Host, ...changes: string[]][] = [
  ['runs', {}, 'enabled: yes → no', 'running: active → stopped'],
  ['is off', { active: 'inactive', unitFile: 'disabled' }],
  ['is masked', { active: 'inactive', unitFile: 'masked', load: 'masked' }],
]
for (const [title, host, ...changes] of unwanted) {
  test(`service: unwanted, and ${title}`, (t) => t.deepEqual(diff(off, host), changes))
}

test('service: an absent input is an input too', (t) => {
  const output = `LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\nInvocationID=inv1\nInactiveExitTimestamp=${started}\n=markers\ninv1 ${digest('absent')} ${digest()}\n=inputs\n=files\n`
  const one = service('toy', { running: true, restartOn: [config] })
  const have = serviceType.parse(output, [one]).get('toy.service')
  t.false(have === undefined || Unknown.is(have))
  if (have !== undefined && !Unknown.is(have))
    t.deepEqual(serviceType.diff(one.want, have, { changes: () => false }), [])
})

test('service: an answer that is cut off is an error', (t) => {
  for (const text of [
    '',
    output({}).slice(0, 200),
    output({}).replace('InvocationID=inv1\n', ''),
    output({})
      .replace(after, '')
      .replace(/a{64} {2}.*\n/, ''),
  ]) {
    t.throws(() => serviceType.parse(text, [unit]), { instanceOf: ProbeError }, text)
  }
})

test('service: names that are none, and inputs without content, are refused', (t) => {
  for (const name of ['', 'a b', 'a;b', '$(x)', 'a/b', 'a\nb'])
    t.throws(() => service(name, {}), { instanceOf: DeclarationError })
  t.throws(() => service('toy', { restartOn: [ready('it answers', { check: 'true', within: '1s' })] }), {
    message: 'service toy: ready it answers has no content that a service could restart on',
  })
})

const script = (changes: readonly string[], resource = unit) =>
  serviceType.apply({
    id: resource.id,
    want: resource.want,
    have: new Unknown('not asked'),
    changes: changes.map((property) => ({ property, from: '', to: '' })),
    upload: async () => '',
  })

// What the plan decided is what the script does, and nothing else.
const verbs: [title: string, changes: readonly string[], resource: Resource, ...lines: (string | RegExp)[]][] = [
  ['enable only', ['enabled'], unit, 'systemctl enable -- "$unit"'],
  ['disable and stop', ['enabled', 'running'], off, 'systemctl disable -- "$unit"', 'bounded stop'],
  ['restart', ['restart'], unit, /^begin restart $/, 'mark "$restart" "$reload"'],
  [
    'start is a restart of what may have been started since',
    ['running'],
    unit,
    /^begin restart $/,
    'mark "$restart" "$reload"',
  ],
  ['reload', ['reload'], unit, /^begin reload $/, 'mark "$restart" "$reload"'],
  [
    'without waiting',
    ['restart'],
    service('toy', { running: true, noBlock: true }),
    /^begin restart --no-block $/,
    'mark "$restart" "$reload"',
  ],
]
for (const [title, changes, resource, ...lines] of verbs) {
  test(`service: apply, ${title}`, async (t) => {
    const body = (await script(changes, resource)).split('\n}\n').at(-1) ?? ''
    const done = body
      .split('\n')
      .filter((line) => /^(begin|mark|bounded|systemctl (enable|disable|stop|start))/.test(line))
    t.is(done.length, lines.length, done.join('\n'))
    for (const [index, line] of lines.entries()) {
      if (typeof line === 'string') t.is(done[index], line)
      else t.regex(done[index] ?? '', line)
    }
  })
}
