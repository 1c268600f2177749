import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Resource } from '../../core/declare/resource.ts'
import { DeclarationError } from '../../core/errors.ts'
import { block } from '../../core/resources/block.ts'
import { file } from '../../core/resources/file.ts'
import { json } from '../../core/resources/json.ts'
import { Secret } from '../../core/secrets/secret.ts'
import { render } from '../../core/secrets/template.ts'
import type { ChangeEvent, RunEvent } from '../../core/terminal/events.ts'
import { toyHost, toyRun } from '../converge/toy.ts'
import { me } from '../resources/law.ts'

const VALUE = 'q7"Zk$Xw0{v9+Tr/Lm2'
const token = Secret.of('token', VALUE)
const config = (secret: Secret) =>
  render('a.hcl.ejs', 'datacenter = "dc1"\nencrypt = <%= it.secret %>\n', { secret }) as Secret

/** Nothing of the value or what is made from it is in these events. */
const nothingLeaks = (t: ExecutionContext, events: readonly RunEvent[], ...secrets: readonly Secret[]): void => {
  const text = JSON.stringify(events)
  for (const secret of [token, ...secrets]) {
    const value = secret.reveal()
    const sum = createHash('sha256').update(value).digest('hex')
    const forms = [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), sum.slice(0, 8)]
    const base64 = Buffer.from(value).toString('base64').slice(0, 12)
    for (const form of [...forms, base64, 'Zk$Xw0', 'v9+Tr']) t.false(text.includes(form), form)
  }
}

const changesIn = (events: readonly RunEvent[]): readonly ChangeEvent[] =>
  events.flatMap((event) =>
    event.event === 'plan' ? (event.hosts['node-1'] ?? []).flatMap(({ changes }) => changes) : [],
  )

test('a file with a secret arrives as it is, for its owner alone, and is never told', async (t) => {
  const host = toyHost(t)
  const path = join(host.dir, 'join.hcl')
  const with_ = (secret: Secret) => ({ first: () => [file(path, { content: config(secret), ...me })] })
  const first = await toyRun([host], with_(token))
  t.deepEqual(first.errors, [])
  t.is(readFileSync(path, 'utf8'), 'datacenter = "dc1"\nencrypt = "q7\\"Zk$Xw0{v9+Tr/Lm2"\n')
  t.is(statSync(path).mode & 0o777, 0o600)
  t.deepEqual(changesIn(first.events), [{ property: 'state', from: 'absent', to: 'present' }])

  const same = await toyRun([host], with_(Secret.of('other name', VALUE)), { check: true })
  t.is(same.exit, 0)

  const next = Secret.of('token', 'another-token-0123')
  const probes = host.scripts.length
  const second = await toyRun([host], with_(next))
  const [change] = changesIn(second.events)
  t.regex(change?.from ?? '', /^secret, mark [0-9a-f]{8}$/)
  t.regex(change?.to ?? '', /^secret, mark [0-9a-f]{8}$/)
  t.not(change?.from, change?.to)
  t.is(change?.diff, undefined)
  t.true(readFileSync(path, 'utf8').includes('another-token-0123'))
  // what observes it on the host is not told what to look for
  const sum = createHash('sha256').update(config(next).reveal()).digest('hex')
  t.false(host.scripts.slice(probes).some((script) => script.includes(sum)))
  nothingLeaks(t, [...first.events, ...second.events], next, config(token), config(next))
})

test('an error of a host that prints the file does not hold the secret, but all the rest', async (t) => {
  const host = toyHost(t)
  const path = join(host.dir, 'join.hcl')
  const validate = 'cat "$1"; base64 "$1"; sed "s/^/bad: /" "$1" >&2; exit 3'
  const { events, exit, errors } = await toyRun([host], {
    first: () => [file(path, { content: config(token), validate, ...me })],
  })
  t.is(exit, 1)
  t.regex(errors.join(), /the validator rejects the new content/)
  const error = events.find((event) => event.event === 'error')
  t.regex(error?.error.detail ?? '', /bad: datacenter = "dc1"\nbad: encrypt = "\[secret token\]"/)
  nothingLeaks(t, events)
})

test('a secret that another file holds is not shown by its diff', async (t) => {
  const host = toyHost(t)
  writeFileSync(join(host.dir, 'old'), `a = 1\nencrypt = ${VALUE}\n`)
  const { events } = await toyRun([host], {
    first: (dir) => [
      file(join(dir, 'new'), { content: token, ...me }),
      file(join(dir, 'old'), { content: 'a = 1\n', ...me }),
    ],
  })
  t.true(changesIn(events).some(({ diff }) => diff?.includes('-encrypt = [secret token]')))
  nothingLeaks(t, events)
})

test('a JSON file with a secret is merged, for its owner alone, and no value is told', async (t) => {
  const host = toyHost(t)
  const path = join(host.dir, 'x.json')
  writeFileSync(path, '{"theirs": 1.0, "a": {"token": "old-token-0123"}}')
  const resource = json(path, { merge: { a: { token }, plain: 'visible' }, ...me })
  const { events, errors } = await toyRun([host], { first: () => [resource] })
  t.deepEqual(errors, [])
  t.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { theirs: 1, a: { token: VALUE }, plain: 'visible' })
  t.is(statSync(path).mode & 0o777, 0o600)
  t.deepEqual(
    changesIn(events).map(({ property }) => property),
    ['a.token', 'plain', 'mode'],
  )
  nothingLeaks(t, events, Secret.of('old', 'old-token-0123'))
  t.is((await toyRun([host], { first: () => [resource] }, { check: true })).exit, 0)

  writeFileSync(path, `{"a": ${VALUE}`)
  const broken = await toyRun([host], { first: () => [resource] })
  t.regex(broken.errors.join(), /it holds no JSON object$/)
  nothingLeaks(t, broken.events)
})

test('roles may own different keys of a JSON file, of which some are secret', (t) => {
  const one = json('/x', { merge: { a: token }, mode: '0600' })
  const other = json('/x', { merge: { b: 1 }, mode: '0600' })
  const both = one.type.merge?.(one.want, other.want)
  t.true(one.type.sensitive?.(both as typeof one.want))
  t.is(one.type.merge?.(one.want, json('/x', { merge: { a: 'b' }, mode: '0600' }).want), undefined)
})

test('a block with a secret is kept, and not told', async (t) => {
  const host = toyHost(t)
  const path = join(host.dir, 'x')
  const resource = block(path, { name: 'a', content: token })
  const { events } = await toyRun([host], { first: () => [resource] })
  t.is(readFileSync(path, 'utf8'), `# BEGIN caravan a\n${VALUE}\n# END caravan a\n`)
  t.is(statSync(path).mode & 0o777, 0o600)
  t.is((await toyRun([host], { first: () => [resource] }, { check: true })).exit, 0)
  nothingLeaks(t, events)
})

test('two different secrets for one file contradict each other', async (t) => {
  const host = toyHost(t)
  const path = join(host.dir, 'x')
  const both = (other: Secret) => ({
    first: () => [file(path, { content: token, ...me })],
    second: () => [file(path, { content: other, ...me })],
  })
  const { errors, events } = await toyRun([host], both(Secret.of('token', 'another')))
  t.regex(errors.join(), /contradict each other/)
  nothingLeaks(t, events)
  t.deepEqual((await toyRun([host], both(Secret.of('other', VALUE)))).errors, [])
})

const WRONG: readonly (readonly [title: string, declare: () => Resource, message: RegExp])[] = [
  [
    'a mode that lets everybody read it',
    () => file('/x', { content: token, mode: '0644' }),
    /mode 0644 gives a secret to everybody/,
  ],
  [
    'the same of sensitive content',
    () => file('/x', { content: 'a', sensitive: true, mode: '0604' }),
    /gives a secret/,
  ],
  ['the same of JSON', () => json('/x', { merge: { token }, mode: '0644' }), /gives a secret/],
  ['both a secret and a source', () => file('/x', { content: token, source: '/y' }), /exactly one/],
  [
    'a block of bytes that are no text',
    () => block('/x', { name: 'a', content: Secret.of('b', Uint8Array.of(255)) }),
    /is not text/,
  ],
  [
    'a block with a marker in it',
    () => block('/x', { name: 'a', content: Secret.of('b', '# END caravan a') }),
    /looks like a marker/,
  ],
]
for (const [title, declare, message] of WRONG)
  test(`refused: ${title}`, (t) => {
    t.throws(declare, { instanceOf: DeclarationError, message })
  })
