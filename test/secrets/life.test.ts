import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { SecretKind } from '../../core/declare/means.ts'
import { CaravanError, DeclarationError } from '../../core/errors.ts'
import { certificate } from '../../core/resources/certificate.ts'
import { issue } from '../../core/resources/shared/issue.ts'
import { asAuthority, makeAuthority, type StoredAuthority } from '../../core/secrets/authority.ts'
import { makeIdentity, readIdentities, recipientsOf } from '../../core/secrets/identity.ts'
import { makeSecret, unfit } from '../../core/secrets/kinds.ts'
import { type LifeInput, openSecrets } from '../../core/secrets/life.ts'
import { writeStore } from '../../core/secrets/store.ts'

const room = mkdtempSync(join(tmpdir(), 'caravan-life-'))
test.after.always(() => rmSync(room, { recursive: true }))

const docker = { name: 'docker', secrets: {} }
const consul = {
  name: 'consul',
  secrets: { 'consul-gossip-key': 'key', 'consul-token': 'uuid', 'consul-ca': 'ca' } as Record<string, SecretKind>,
}
const haproxy = { name: 'haproxy', secrets: { 'haproxy-password': 'password' } as Record<string, SecretKind> }

const place = async (withIdentity = true) => {
  const dir = mkdtempSync(join(room, 'd'))
  const [file, identity] = [join(dir, 'secrets.age'), join(dir, 'id')]
  if (withIdentity) await makeIdentity(identity)
  return { file, identity }
}
const input = (at: { file: string; identity: string }, more: Partial<LifeInput> = {}): LifeInput => ({
  ...at,
  makesIdentity: false,
  roles: [docker, consul],
  selected: [docker, consul],
  established: async () => undefined,
  askPassphrase: undefined,
  ...more,
})

test('new ones are in memory until they are saved, and the same afterwards', async (t) => {
  const at = await place()
  const first = await openSecrets(input(at))
  const key = first.secrets(consul, true).value('consul-gossip-key').reveal()
  t.false(existsSync(at.file))
  await first.save()
  const second = await openSecrets(input(at))
  t.is(second.secrets(consul, true).value('consul-gossip-key').reveal(), key)
  t.is(
    second.secrets(consul, true).ca('consul-ca').certificate,
    first.secrets(consul, true).ca('consul-ca').certificate,
  )
  const before = readFileSync(at.file, 'utf8')
  await second.save()
  t.is(readFileSync(at.file, 'utf8'), before, 'it is not written again')
})

test('a role that comes later adds its own, and the others stay', async (t) => {
  const at = await place()
  const first = await openSecrets(input(at))
  await first.save()
  const later = await openSecrets(input(at, { roles: [docker, consul, haproxy], selected: [haproxy] }))
  t.regex(later.secrets(haproxy, true).value('haproxy-password').reveal(), /^[A-Za-z0-9]{32}$/)
  await later.save()
  const last = await openSecrets(input(at, { roles: [consul, haproxy], selected: [consul, haproxy] }))
  for (const [role, name] of [
    [consul, 'consul-token'],
    [haproxy, 'haproxy-password'],
  ] as const)
    t.is(
      last.secrets(role, true).value(name).reveal(),
      (role === consul ? first : later).secrets(role, true).value(name).reveal(),
    )
})

test('what uses no secret needs neither file nor identity, and no server is asked', async (t) => {
  const at = await place(false)
  const { secrets, save } = await openSecrets(input(at, { selected: [docker], established: () => t.fail() as never }))
  await save()
  t.false(existsSync(at.file))
  // the role is compiled all the same: with what has the right shape
  const own = secrets(consul, false)
  for (const name of ['consul-gossip-key', 'consul-token'])
    t.is(unfit(consul.secrets[name] as SecretKind, own.value(name).reveal()), undefined)
  t.notThrows(() => certificate('/etc/x.pem', { subject: 'x', names: ['x'], ca: own.ca('consul-ca') }))
})

test('a role that is not selected gets no real value', async (t) => {
  const at = await place()
  const { secrets } = await openSecrets(input(at))
  t.not(secrets(consul, false).value('consul-token').reveal(), secrets(consul, true).value('consul-token').reveal())
})

test('only what a role declared is given', async (t) => {
  const { secrets } = await openSecrets(input(await place()))
  const own = secrets(consul, true)
  t.throws(() => own.value('haproxy-password'), { instanceOf: DeclarationError })
  t.throws(() => own.value('consul-ca'), { instanceOf: DeclarationError })
  t.throws(() => own.ca('consul-token'), { instanceOf: DeclarationError })
  await t.throwsAsync(
    openSecrets(input(await place(), { roles: [consul, { name: 'other', secrets: { 'consul-ca': 'uuid' } }] })),
    { instanceOf: DeclarationError, message: /consul-ca is a uuid here and a ca elsewhere/ },
  )
})

test('the lab makes its own identity', async (t) => {
  const at = await place(false)
  const { save } = await openSecrets(input(at, { makesIdentity: true }))
  await save()
  t.true(existsSync(at.file) && existsSync(at.identity))
})

const stored = async (at: { file: string; identity: string }, secrets: Record<string, string | StoredAuthority>) => {
  const identities = (await readIdentities(at.identity)) ?? []
  await writeStore(at.file, { recipients: await recipientsOf(identities), secrets }, { kind: 'identities', identities })
}
type Given = { file: string; identity: string }

const wrong: readonly [title: string, given: () => Promise<LifeInput>, message: RegExp, hint: RegExp][] = [
  [
    'no file, but a cluster',
    async () => input(await place(), { established: async () => 'node-2' }),
    /secrets\.age is missing, but node-2 is a server of an established cluster/,
    /backup/,
  ],
  ['no identity', async () => input(await place(false)), /there is no age identity at/, /secrets\.mjs init/],
  [
    'locked, without an identity',
    async () => {
      const at = await place()
      await stored(at, {})
      rmSync(at.identity)
      return input(at)
    },
    /is locked: there is no age identity at/,
    /CARAVAN_AGE_IDENTITY/,
  ],
  [
    'locked, with another identity',
    async () => {
      const at = await place()
      await stored(at, {})
      rmSync(at.identity)
      await makeIdentity(at.identity)
      return input(at)
    },
    /cannot be opened: it was encrypted for others/,
    /CARAVAN_AGE_IDENTITY/,
  ],
  [
    'no age file',
    async () => {
      const at = await place()
      writeFileSync(at.file, 'hello')
      return input(at)
    },
    /is no age file/,
    /backup/,
  ],
  [
    'a passphrase, without a terminal',
    async () => {
      const at = await place()
      await writeStore(at.file, { recipients: [], secrets: {} }, { kind: 'passphrase', passphrase: 'x' })
      return input(at)
    },
    /locked by a passphrase, and there is no terminal/,
    /rekey/,
  ],
  [
    'a gossip key of the wrong length',
    async () => {
      const at: Given = await place()
      await stored(at, { 'consul-gossip-key': Buffer.alloc(16).toString('base64'), 'consul-token': 'x' })
      return input(at)
    },
    /consul-gossip-key has 16 bytes instead of 32; consul-token is no UUID/,
    /secrets\.mjs edit/,
  ],
]
for (const [title, given, message, hint] of wrong)
  test(`it stops, and says what to do: ${title}`, async (t) => {
    const error = await t.throwsAsync(openSecrets(await given()), { instanceOf: CaravanError })
    t.regex(error?.message ?? '', message)
    t.regex(error?.details.hint ?? '', hint)
  })

test('a passphrase is asked for on a terminal', async (t) => {
  const at = await place()
  await writeStore(at.file, { recipients: [], secrets: {} }, { kind: 'passphrase', passphrase: 'x' })
  const { save } = await openSecrets(input(at, { askPassphrase: async () => 'x' }))
  await t.notThrowsAsync(save())
})

test('each kind that is made is one', async (t) => {
  for (const kind of ['key', 'uuid', 'password', 'ca'] as const) {
    const [one, other] = [await makeSecret('x', kind), await makeSecret('x', kind)]
    t.is(unfit(kind, one), undefined, kind)
    t.notDeepEqual(one, other)
  }
  const [one, other] = [await makeAuthority('one'), await makeAuthority('other')]
  t.is(unfit('ca', { ...one, key: other.key }), 'has a key that is not of its certificate')
  for (const kind of ['key', 'uuid', 'password', 'ca'] as const)
    for (const bad of ['', 'x', 1, null, {}]) t.truthy(unfit(kind, bad))
})

test('openssl agrees with an authority and what it signs', async (t) => {
  const dir = mkdtempSync(join(room, 'ssl'))
  const stored = await makeAuthority('Caravan test CA')
  const leaf = await issue({
    subject: 'server.dc1.consul',
    names: ['server.dc1.consul', '10.33.0.2'],
    ca: asAuthority(stored),
    days: 365,
  })
  writeFileSync(join(dir, 'ca.pem'), stored.certificate)
  writeFileSync(join(dir, 'leaf.pem'), leaf)
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: dir, encoding: 'utf8' })
  t.regex(openssl('verify', '-x509_strict', '-CAfile', 'ca.pem', 'leaf.pem'), /leaf\.pem: OK/)
  t.regex(openssl('x509', '-in', 'ca.pem', '-noout', '-text'), /CA:TRUE, pathlen:0/)
})
