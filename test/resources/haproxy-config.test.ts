import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Resource } from '../../core/declare/resource.ts'
import { ProbeError } from '../../core/errors.ts'
import {
  type HaproxyConfigHave,
  type HaproxyConfigOptions,
  haproxyConfig,
  haproxyConfigType,
} from '../../core/resources/haproxy-config.ts'
import { Secret } from '../../core/secrets/secret.ts'
import { applyOnce, differences, HOSTILE, law, lawOfUnknown, me, observe, sandbox } from './law.ts'
import { fragment } from './sh.ts'
import { garbageTable, show, wrongTable } from './tables.ts'

const CONTENT = 'global\n  daemon\n\nbackend web\n  retries 3\n  server-template a 1-10 _a._tcp.b check\n'

const declared = (directory: string, content: string | Secret = CONTENT, more: Partial<HaproxyConfigOptions> = {}) =>
  haproxyConfig(join(directory, 'haproxy.cfg'), { ...me, content, state: join(directory, 'state'), ...more })

const changes = async (resource: Resource) =>
  (await differences(resource)).map((change) => show({ ...change, diff: undefined } as never))

const foreign = async (resource: Resource) => {
  const [have] = await observe([resource])
  return (resource.type.foreign?.(resource.want, have) ?? []).map(
    ({ property, from, to }) => `${property}: ${from} → ${to}`,
  )
}

/** As the Data Plane API writes it after a transaction: a file of its own, for everybody to read. */
const theyWrite = (directory: string, change: (text: string) => string) => {
  const path = join(directory, 'haproxy.cfg')
  const body = change(readFileSync(path, 'utf8').replaceAll(/^# _.*\n/gm, ''))
  rmSync(path)
  writeFileSync(path, `# _md5hash=00\n# _version=4\n# Dataplaneapi managed File\n${body}`, { mode: 0o644 })
}
const withServer = (text: string) => text.replace('  retries 3\n', '  server x 10.0.0.1:1\n  retries 3\n')

wrongTable([
  [() => haproxyConfig('etc/x', { content: '' }), /relative/],
  [() => haproxyConfig('/etc/x', { content: '\0' }), /NUL/],
  [() => haproxyConfig('/etc/x', { content: '', state: 'x' }), /relative/],
  [() => haproxyConfig('/etc/x', { content: '', validate: 'true' }), /never looks at/],
  [() => haproxyConfig('/etc/x', { content: Secret.of('s', 'global\n'), mode: '0644' }), /gives a secret/],
  [
    () => haproxyConfig('/etc/x', { content: Secret.of('s', 'user a key', [Secret.of('k', 'key')]), mode: '0640' }),
    /would be shown/,
  ],
])

garbageTable('haproxyConfig', (output) => haproxyConfigType.parse(output, [haproxyConfig('/x', { content: '' })]), [
  '',
  '-',
  'f-\n',
  '---\n',
])

test('it owns its path, and a service looks at what was last written', (t) => {
  const { id, want } = haproxyConfig('/etc/haproxy/haproxy.cfg', { content: CONTENT })
  t.is(haproxyConfigType.identity?.(id), 'path:/etc/haproxy/haproxy.cfg')
  t.deepEqual(haproxyConfigType.inputs?.(id, want), ['/var/lib/caravan/haproxy/%2Fetc%2Fhaproxy%2Fhaproxy.cfg'])
})

test('law: nothing there', async (t) => {
  const directory = sandbox(t)
  const [change] = await law(t, directory, declared(directory))
  t.like(change, { property: 'state', from: 'absent', to: 'present' })
  t.is(readFileSync(join(directory, 'haproxy.cfg'), 'utf8'), `\n${CONTENT}`)
})

test('law: what a package brought is replaced, and shown before', async (t) => {
  const directory = sandbox(t)
  writeFileSync(join(directory, 'haproxy.cfg'), 'global\n  daemon\n  maxconn 5\n')
  t.deepEqual(
    (await law(t, directory, declared(directory))).map(({ property, to }) => [property, to]),
    [
      ['origin', 'written by Caravan'],
      ['global', '-'],
      ['backend web', '3 lines'],
    ],
  )
})

for (const name of HOSTILE)
  test(`law: ${JSON.stringify(name)}`, async (t) => {
    const directory = sandbox(t)
    const path = join(directory, name)
    await law(
      t,
      directory,
      haproxyConfig(path, {
        ...me,
        content: `global\n  log '${name.replaceAll(/['\n\r]/g, '')}'\n`,
        state: join(directory, 's'),
      }),
    )
    t.true(existsSync(join(directory, 's', encodeURIComponent(path))))
  })

test('law: what was never observed', async (t) => {
  const directory = sandbox(t)
  await lawOfUnknown(t, directory, declared(directory))
})

/** Written once by us, then a server was added by others. */
const shared = async (t: ExecutionContext, more: Partial<HaproxyConfigOptions> = {}) => {
  const directory = sandbox(t)
  await applyOnce(declared(directory, CONTENT, more))
  theyWrite(directory, withServer)
  return directory
}

test('written again by others without a change: nothing to do, and nothing foreign', async (t) => {
  const directory = sandbox(t)
  const resource = declared(directory, CONTENT, { mode: '0640' })
  await applyOnce(resource)
  theyWrite(directory, (text) => text)
  t.deepEqual([await changes(resource), await foreign(resource)], [[], []])
})

test('a server that others added is foreign, and no change', async (t) => {
  const directory = await shared(t, { mode: '0640' })
  const resource = declared(directory, CONTENT, { mode: '0640' })
  t.deepEqual(await changes(resource), [])
  t.deepEqual(await foreign(resource), ['backend web: - → server x 10.0.0.1:1'])
})

test('law: a change of the role is merged with it; the version counts on', async (t) => {
  const directory = await shared(t)
  const resource = declared(directory, CONTENT.replace('1-10', '1-20'))
  const [change, ...others] = await law(t, directory, resource)
  t.deepEqual(others, [])
  t.like(change, {
    property: 'backend web',
    from: 'server-template a 1-10 _a._tcp.b check',
    to: 'server-template a 1-20 _a._tcp.b check',
  })
  t.is(
    readFileSync(join(directory, 'haproxy.cfg'), 'utf8'),
    `# _version=5\n\n${withServer(CONTENT).replace('1-10', '1-20')}`,
  )
  t.deepEqual(await foreign(resource), ['backend web: - → server x 10.0.0.1:1'])
})

test('law: the role takes over what they added: only what is remembered changes', async (t) => {
  const directory = await shared(t)
  const before = readFileSync(join(directory, 'haproxy.cfg'), 'utf8')
  const resource = declared(directory, withServer(CONTENT))
  t.deepEqual(await changes(resource), ['remembered: an older text of the role → this one'])
  await law(t, directory, resource)
  t.is(readFileSync(join(directory, 'haproxy.cfg'), 'utf8'), before)
  t.deepEqual(await foreign(resource), [])
})

test('law: they are given up on demand, as the plan shows', async (t) => {
  const directory = await shared(t)
  const resource = declared(directory, CONTENT, { foreign: 'replace' })
  t.deepEqual(await foreign(resource), [])
  t.deepEqual(
    (await law(t, directory, resource)).map(({ from, to }) => [from, to]),
    [['server x 10.0.0.1:1', '-']],
  )
})

test('both changed the same: refused, with both versions', async (t) => {
  const directory = sandbox(t)
  await applyOnce(declared(directory))
  theyWrite(directory, (text) => text.replace('retries 3', 'retries 5'))
  const error = await t.throwsAsync(differences(declared(directory, CONTENT.replace('retries 3', 'retries 1'))), {
    instanceOf: ProbeError,
    message: 'others changed it where the role changes it too',
  })
  t.is(error.details.detail, 'backend web\n  the role: retries 1\n  the file: retries 5')
  t.regex(error.details.hint ?? '', /foreign: replace/)
})

test('others write between the probe and the apply: it fails and theirs stays', async (t) => {
  const directory = sandbox(t)
  await applyOnce(declared(directory))
  const resource = declared(directory, CONTENT.replace('1-10', '1-20'))
  const [have] = (await observe([resource])) as readonly HaproxyConfigHave[]
  const text = await haproxyConfigType.apply({
    id: resource.id,
    want: resource.want,
    have: have as HaproxyConfigHave,
    changes: [],
    upload: () => t.fail() as never,
  })
  theyWrite(directory, withServer)
  const { code, stderr } = await fragment(text)
  t.is(code, 1)
  t.regex(stderr, /others changed it since it was looked at: run again/)
  t.true(readFileSync(join(directory, 'haproxy.cfg'), 'utf8').includes('server x'))
})

test('law: a run that was cut off between the file and what is remembered is mended', async (t) => {
  const directory = await shared(t)
  const stamp = join(directory, 'state', encodeURIComponent(join(directory, 'haproxy.cfg')))
  const old = readFileSync(stamp)
  const resource = declared(directory, CONTENT.replace('1-10', '1-20'))
  await applyOnce(resource)
  writeFileSync(stamp, old)
  t.deepEqual(await changes(resource), ['remembered: an older text of the role → this one'])
  await law(t, directory, resource)
  t.deepEqual(await foreign(resource), ['backend web: - → server x 10.0.0.1:1'])
})

test('law: it is written again where somebody took it away', async (t) => {
  const directory = await shared(t)
  rmSync(join(directory, 'haproxy.cfg'))
  await law(t, directory, declared(directory))
})

test('the mode is mended where nobody else wrote', async (t) => {
  const directory = sandbox(t)
  const resource = declared(directory, CONTENT, { mode: '0640' })
  await applyOnce({ ...resource, want: { ...resource.want, mode: '0644' } })
  t.deepEqual(await changes(resource), ['mode: 0644 → 0640'])
  await law(t, directory, resource)
  t.is(statSync(join(directory, 'haproxy.cfg')).mode & 0o777, 0o640)
})

test('a validator that says no leaves all as it was', async (t) => {
  const directory = await shared(t)
  const before = readFileSync(join(directory, 'haproxy.cfg'), 'utf8')
  const resource = declared(directory, CONTENT.replace('1-10', '1-20'), { validate: '! grep -q \'1-20\' "$1"' })
  const { code, stderr } = await applyOnce(resource)
  t.is(code, 1)
  t.regex(stderr, /the validator rejects the new content/)
  t.is(readFileSync(join(directory, 'haproxy.cfg'), 'utf8'), before)
  t.deepEqual(await foreign(declared(directory)), ['backend web: - → server x 10.0.0.1:1'])
})

test('hashes are never shown, whoever wrote them', async (t) => {
  const directory = sandbox(t)
  const users = (hash: string) => `userlist u\n  user admin password ${hash}\n`
  const secret = (hash: string) => Secret.of('cfg', users(hash), [Secret.of('hash', hash)])
  const first = declared(directory, secret('$6$one'), { mode: '0640' })
  t.false(JSON.stringify(await differences(first)).includes('$6$one'))
  await applyOnce(first)
  theyWrite(directory, (text) => text.replace('$6$one', '$6$two'))
  t.false(/one|two/.test(JSON.stringify(await foreign(first))))
  const error = await t.throwsAsync(differences(declared(directory, secret('$6$three'), { mode: '0640' })))
  t.false(/one|two|three/.test(JSON.stringify((error as ProbeError).details)))
})

for (const [title, content, message] of [
  ['not UTF-8', Buffer.from([0xff, 0xfe]), /not UTF-8/],
  ['too large', Buffer.alloc(1024 * 1024 + 1, 'a'), /over 1 MiB/],
] as const)
  test(`fails: ${title}`, async (t) => {
    const directory = sandbox(t)
    writeFileSync(join(directory, 'haproxy.cfg'), content)
    await t.throwsAsync(differences(declared(directory)), { instanceOf: ProbeError, message })
  })
