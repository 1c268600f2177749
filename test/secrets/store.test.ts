import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { armor, Encrypter, generateIdentity } from 'age-encryption'
import test from 'ava'
import fc from 'fast-check'
import { CaravanError } from '../../core/errors.ts'
import { identityPath, makeIdentity, readIdentities, recipientsOf } from '../../core/secrets/identity.ts'
import { type Lock, lockOf, readLocked, type Store, unlock, writeStore } from '../../core/secrets/store.ts'

const room = mkdtempSync(join(tmpdir(), 'caravan-store-'))
test.after.always(() => rmSync(room, { recursive: true }))
let number = 0
const fresh = (name: string): string => join(mkdtempSync(join(room, `${number++}-`)), name)

let recipients: readonly string[] = []
let others: readonly string[] = []
let mine: Lock = { kind: 'identities', identities: [] }
test.before(async () => {
  const identities = [await generateIdentity()]
  mine = { kind: 'identities', identities }
  recipients = await recipientsOf(identities)
  others = await recipientsOf([await generateIdentity()])
})
const age = (...args: readonly string[]) => execFileSync('age', args, { encoding: 'utf8' })
const withAge = (() => {
  try {
    return age('--version') !== ''
  } catch {
    return false
  }
})()
if (!withAge) console.warn('skipped: what the program age makes of our files, because it is not installed')
const byAge = withAge ? test : test.skip

test('what is written is read back, whatever the values are', async (t) => {
  const path = fresh('secrets.age')
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }))
  const value = fc.oneof(text, fc.record({ certificate: text, key: text }))
  const stores = fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/), value, { noNullPrototype: true })
  const property = fc.asyncProperty(stores, async (secrets) => {
    const store: Store = { recipients, secrets }
    await writeStore(path, store, mine)
    t.deepEqual(await unlock(path, readFileSync(path), mine), store)
  })
  await fc.assert(property, { numRuns: 30 })
})

test('the file is for its owner, armored, and leaves nothing beside it', async (t) => {
  const path = fresh('secrets.age')
  await writeStore(path, { recipients, secrets: { a: 'hidden-value' } }, mine)
  await writeStore(path, { recipients, secrets: { a: 'hidden-value' } }, mine)
  t.is(statSync(path).mode & 0o777, 0o600)
  const content = readFileSync(path, 'utf8')
  t.true(content.startsWith('-----BEGIN AGE ENCRYPTED FILE-----\n') && content.endsWith('-----\n'))
  t.false(content.includes('hidden-value'))
  t.deepEqual(readdirSync(join(path, '..')), ['secrets.age'])
})

test('a passphrase opens what it locked', async (t) => {
  const path = fresh('secrets.age')
  const lock: Lock = { kind: 'passphrase', passphrase: 'six words would be much better' }
  const store: Store = { recipients: [], secrets: { a: 'x' } }
  await writeStore(path, store, lock)
  t.is(lockOf(readFileSync(path)), 'passphrase')
  t.deepEqual(await unlock(path, readFileSync(path), lock), store)
  const wrong: Lock = { ...lock, passphrase: 'another' }
  await t.throwsAsync(unlock(path, readFileSync(path), wrong), { message: /the passphrase is another one/ })
})

test('where nothing can be written the old file stays, and the message says so', async (t) => {
  const path = join(room, 'missing-directory', 'secrets.age')
  const error = await t.throwsAsync(writeStore(path, { recipients, secrets: {} }, mine), { instanceOf: CaravanError })
  t.regex(error?.message ?? '', /secrets\.age cannot be written: ENOENT/)
  t.is(await readLocked(path), undefined)
})

const encrypted = async (text: string, to = recipients): Promise<Uint8Array> => {
  const encrypter = new Encrypter()
  for (const one of to) encrypter.addRecipient(one)
  return encrypter.encrypt(text)
}

const wrong: readonly [title: string, content: () => Promise<Uint8Array>, message: RegExp][] = [
  ['for others', () => encrypted('secrets: {}', others), /encrypted for others, or is damaged/],
  ['damaged', async () => (await encrypted('secrets: {}')).fill(0, -20), /encrypted for others, or is damaged/],
  ['no YAML', () => encrypted('a: [hidden-value'), /no store of secrets: it is no YAML/],
  ['another shape', () => encrypted('recipients: []\nsecrets: { a: 1 }'), /secrets\.a is not as it should be/],
  ['a list', () => encrypted('[hidden-value]'), /the whole is not as it should be/],
]
for (const [title, content, message] of wrong)
  test(`a file that is ${title} is an error that quotes nothing of it`, async (t) => {
    const error = await t.throwsAsync(unlock('secrets.age', await content(), mine), { instanceOf: CaravanError })
    t.regex(error?.message ?? '', message)
    t.notRegex(JSON.stringify(error?.details) + error?.message, /hidden-value/)
  })

test('what is no age file is known for none', async (t) => {
  for (const text of ['', 'secrets: {}', '-----BEGIN AGE ENCRYPTED FILE-----\nx', '<html>'])
    t.is(lockOf(Buffer.from(text)), undefined, text)
  t.is(lockOf(await encrypted('x')), 'identities')
  t.is(lockOf(Buffer.from(armor.encode(await encrypted('x')))), 'identities')
})

test('an identity is made once, for its owner alone, where the environment says', async (t) => {
  const path = fresh('deep/age-identity.txt')
  t.is(await readIdentities(path), undefined)
  const recipient = await makeIdentity(path)
  t.is(statSync(path).mode & 0o777, 0o600)
  t.is(statSync(join(path, '..')).mode & 0o777, 0o700)
  t.deepEqual(await recipientsOf((await readIdentities(path)) ?? []), [recipient])
  await t.throwsAsync(makeIdentity(path), { code: 'EEXIST' })
  t.is(identityPath(undefined, { CARAVAN_AGE_IDENTITY: '/a/b' }), '/a/b')
  t.is(identityPath(undefined, { XDG_CONFIG_HOME: '/x' }), '/x/caravan/age-identity.txt')
  t.is(identityPath('/lab', { CARAVAN_AGE_IDENTITY: '/a/b' }), '/lab/age-identity.txt')
})

test('an identity that others may read, or that is none, is refused', async (t) => {
  const path = fresh('id')
  await makeIdentity(path)
  chmodSync(path, 0o640)
  await t.throwsAsync(readIdentities(path), { message: /can be read by others/ })
  for (const text of ['', '# comment\n', 'AGE-PLUGIN-X\n', 'secret words\n']) {
    writeFileSync(path, text)
    chmodSync(path, 0o600)
    await t.throwsAsync(readIdentities(path), { message: /is no age identity/ }, text)
  }
})

byAge('the program age opens what we wrote, and we open what it wrote', async (t) => {
  const [path, identity] = [fresh('secrets.age'), fresh('id')]
  const recipient = await makeIdentity(identity)
  const lock: Lock = { kind: 'identities', identities: (await readIdentities(identity)) ?? [] }
  await writeStore(path, { recipients: [recipient], secrets: { a: 'x' } }, lock)
  const text = age('--decrypt', '--identity', identity, path)
  t.regex(text, /^ {2}a: x$/m)
  writeFileSync(`${path}.yaml`, text)
  age('--encrypt', '--recipient', recipient, '--output', `${path}.2`, `${path}.yaml`)
  t.deepEqual((await unlock(path, readFileSync(`${path}.2`), lock)).secrets, { a: 'x' })
})
