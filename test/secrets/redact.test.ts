// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are no templates of ours
import test from 'ava'
import fc from 'fast-check'
import { redacting, redactor } from '../../core/secrets/redact.ts'
import { Secret } from '../../core/secrets/secret.ts'
import { render } from '../../core/secrets/template.ts'
import type { RunEvent } from '../../core/terminal/events.ts'
import { hostile } from './hostile.ts'

const token = Secret.of('token', 'pa"ss <w&rd>/+ü')
const redact = redactor([token])

const FORMS: readonly (readonly [string, string])[] = [
  ['as it is', token.reveal()],
  ['JSON', JSON.stringify(token.reveal())],
  ['JSON of Go', '"pa\\"ss \\u003cw\\u0026rd\\u003e/+ü"'],
  ['a URL', encodeURIComponent(token.reveal())],
  ['a form', new URLSearchParams({ a: token.reveal() }).toString()],
  ['base64', Buffer.from(token.reveal()).toString('base64')],
  ['base64 of URLs', Buffer.from(token.reveal()).toString('base64url')],
]
for (const [title, form] of FORMS)
  test(`${title} is taken out`, (t) => {
    const text = redact(`line 3: ${form}: bad`)
    t.regex(text, /^line 3: ("|a=)?\[secret token\]"?: bad$/)
  })

test('whatever is around it, nothing of its base64 is left but what it shares with its neighbours', (t) => {
  for (const before of ['', 'a', 'ab', 'abc'])
    for (const after of ['', 'x', 'xy', 'xyz']) {
      const all = Buffer.from(`${before}${token.reveal()}${after}`).toString('base64')
      t.regex(redact(all), /^.{0,4}\[secret token\].{0,8}$/)
    }
})

test('lines of a key are taken out one by one, and lines of a file that holds a secret are not', (t) => {
  const key = Secret.of('key', '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSj\n-----END KEY-----\n')
  t.is(redactor([key])('error: MIIEvQIBADANBgkqhkiG9w0B'), 'error: [secret key]')
  const file = render('a.hcl.ejs', 'datacenter = "dc1"\nencrypt = <%= it.token %>\n', { token })
  const whole = redactor([file as Secret])
  t.is(whole('line 1: datacenter = "dc1"'), 'line 1: datacenter = "dc1"')
  t.is(whole('line 2: encrypt = "pa\\"ss <w&rd>/+ü"'), 'line 2: encrypt = "[secret token]"')
  t.is(whole(`the file:\n${(file as Secret).reveal()}`), 'the file:\n[secret a.hcl.ejs]\n')
})

test('a secret is taken out as its file has it', (t) => {
  const dollar = Secret.of('dollar', '${x}%{y}')
  const file = render('a.hcl.ejs', 'a = <%= it.dollar %>', { dollar }) as Secret
  t.is(redactor([file])(`1: ${file.reveal().slice(4)}`), '1: "[secret dollar]"')
  const unit = render('a.service.ejs', 'ExecStart=/x <%= it.token %> 1', { token }) as Secret
  t.is(redactor([unit])('near: /x pa\\x22ss\\x20\\x3cw\\x26rd\\x3e/+ü'), 'near: /x [secret token]')
})

test('of two secrets where one begins as the other nothing is left over', (t) => {
  const both = redactor([Secret.of('short', 'abcdef'), Secret.of('long', 'abcdefghi')])
  t.is(both('abcdefghi abcdef'), '[secret long] [secret short]')
})

test('what is too short to be told from other text stays', (t) => {
  t.is(redactor([Secret.of('x', 'abc')])('abc YWJj'), 'abc [secret x]')
  t.is(redactor([])('abc'), 'abc')
})

test('any secret is taken out of any text', (t) => {
  fc.assert(
    fc.property(hostile, hostile, hostile, (before, value, after) => {
      const wanted = value.trim()
      fc.pre(wanted.length >= 4)
      return !redactor([Secret.of('s', value)])(`${before}${value}${after}`).includes(wanted)
    }),
  )
  t.pass()
})

test('events lose the secrets that are held when they come, and keep the names that they are followed by', (t) => {
  const seen: RunEvent[] = []
  const held: unknown[] = []
  const emit = redacting(
    (event) => seen.push(event),
    () => held,
  )
  const event = (text: string): RunEvent => ({
    event: 'plan',
    hosts: {
      'node-1': [
        {
          play: 'base',
          role: 'base',
          resource: `file /${text}`,
          at: '',
          kind: 'firm',
          changes: [{ property: text, from: text, to: 'b', diff: `-${text}` }],
        },
      ],
    },
    unchanged: { 'node-1': 1 },
  })
  emit(event('node-1'))
  held.push([{ resource: { want: { content: Secret.of('x', 'node-1') } } }])
  emit(event('node-1'))
  held.push([{ token }])
  emit({ event: 'error', error: { host: 'node-1', message: 'node-1', detail: token.reveal(), hint: 'node-1' } })
  emit({ event: 'play', play: 'node-1', hosts: ['node-1'] })
  t.deepEqual(seen, [
    event('node-1'),
    event('[secret x]'),
    { event: 'error', error: { host: 'node-1', message: '[secret x]', detail: '[secret token]', hint: '[secret x]' } },
    { event: 'play', play: 'node-1', hosts: ['node-1'] },
  ])
})
