import assert from 'node:assert'
import { Console } from 'node:console'
import { createHash } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { format, inspect, isDeepStrictEqual } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import test from 'ava'
import { DeclarationError } from '../../core/errors.ts'
import { isSecret, revealed, Secret, secretsIn } from '../../core/secrets/secret.ts'

const VALUE = 'b1946ac9-2492d234'
const SHA256 = createHash('sha256').update(VALUE).digest('hex')
const token = Secret.of('the token', VALUE)

/** What somebody might see. An error counts with all that it holds. */
const seen = (show: () => unknown): string => {
  try {
    return String(show())
  } catch (error) {
    const { stack, message } = error as Error
    return `${stack}${message}${inspect(error, { depth: 9, showHidden: true })}${JSON.stringify(error)}`
  }
}

const printed = (print: (console: Console) => void): string => {
  const stream = new PassThrough()
  print(new Console(stream))
  return String(stream.read())
}

const WAYS: Readonly<Record<string, () => unknown>> = {
  'a template literal': () => `${token}`,
  concatenation: () => 'a'.concat(token as unknown as string),
  String: () => String(token),
  Number: () => Number(token),
  join: () => [token].join(),
  'a key': () => ({ [token as unknown as string]: 1 }),
  JSON: () => JSON.stringify({ a: [token] }),
  inspect: () => inspect({ a: [token] }),
  'inspect with everything hidden': () => inspect(token, { showHidden: true, customInspect: false, depth: 9 }),
  ...Object.fromEntries(['%s', '%o', '%j', '%O', '%d', '%i', '%f'].map((kind) => [kind, () => format(kind, token)])),
  'console.log': () => printed((console) => console.log('a', token)),
  'console.table': () => printed((console) => console.table([token])),
  'console.dir': () => printed((console) => console.dir(token, { showHidden: true })),
  'assert.equal': () => assert.equal(token, 1),
  'assert.deepEqual': () => assert.deepStrictEqual({ token }, { token: Secret.of('x', 'y') }),
  structuredClone: () => inspect(structuredClone(token)),
  serialize: () => inspect(deserialize(serialize(token))) + serialize(token).toString('latin1'),
  entries: () => JSON.stringify(Object.entries(token)),
  spread: () => JSON.stringify({ ...token }),
  descriptors: () => inspect(Object.getOwnPropertyDescriptors(token)),
  Buffer: () => Buffer.from(token as unknown as string),
  'an environment': () => Object.assign(process.env, { CARAVAN_TEST: token }),
  'an argument': () => new URL(token as unknown as string),
  'bytes that are no text': () => Secret.of('x', Uint8Array.of(0xff, ...Buffer.from(VALUE))).reveal(),
  'text that is no Unicode': () => Secret.of('x', `${VALUE}\ud800`),
}
for (const [way, show] of Object.entries(WAYS))
  test(`a secret cannot be seen by ${way}`, (t) => {
    const text = seen(show)
    t.notRegex(text, /b194|2d234|6ac9/)
    for (const form of [Buffer.from(VALUE).toString('base64'), Buffer.from(VALUE).toString('hex'), SHA256])
      t.false(text.includes(form.slice(0, 8)))
    t.false(text.includes('98, 49, 57') || text.includes('62 31 39'))
  })

test('where it is shown it is shown by its name, and text that needs it is an error with a hint', (t) => {
  t.is(inspect({ token }), '{ token: [secret the token] }')
  t.is(JSON.stringify({ token }), '{"token":"[secret the token]"}')
  const error = t.throws<DeclarationError>(() => `${token}`, { instanceOf: DeclarationError })
  t.regex(error?.message ?? '', /^the secret the token was about to be written as text$/)
  t.regex(error?.details.at ?? '', /^test\/secrets\/secret\.test\.ts:\d+$/)
})

test('it is revealed by name, as text or as bytes that are one’s own', (t) => {
  t.is(token.reveal(), VALUE)
  const bytes = token.revealBytes()
  bytes.fill(0)
  t.is(token.reveal(), VALUE)
  t.is(Secret.of('x', '\ufeffa').reveal(), '\ufeffa')
})

test('secrets are equal when their values are, whatever their names', (t) => {
  t.true(isDeepStrictEqual(token, Secret.of('other', Buffer.from(VALUE))))
  t.false(isDeepStrictEqual(token, Secret.of('the token', `${VALUE}5`)))
  t.false(isDeepStrictEqual({ a: token }, { a: Secret.of('the token', 'x') }))
})

test('a secret cannot be empty or changed', (t) => {
  t.throws(() => Secret.of('x', ''), { instanceOf: DeclarationError, message: /the secret x is empty/ })
  t.throws(() => Object.assign(token, { mark: 'x' }), { instanceOf: TypeError })
  t.false(isSecret({ ...token }))
})

test('secrets are found and revealed however deep they are', (t) => {
  const loop: Record<string, unknown> = { a: [{ token }], bytes: new Uint8Array(9) }
  loop.self = loop
  t.deepEqual(secretsIn(loop), [token])
  t.deepEqual(revealed({ a: [token, null, 1], date: new Date(0) }), { a: [VALUE, null, 1], date: new Date(0) })
})
