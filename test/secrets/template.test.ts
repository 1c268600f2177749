// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are no templates of ours
import test from 'ava'
import { DeclarationError } from '../../core/errors.ts'
import { isSecret, Secret } from '../../core/secrets/secret.ts'
import { render, template } from '../../core/secrets/template.ts'

const clamp = 'base/caravan-mss-clamp.service.ejs'

test('a template writes its values', (t) => {
  const text: string = template(clamp, { interface: 'enp7s0', rule: '-o enp7s0' })
  t.true(text.includes('MTU of enp7s0\n'))
  t.true(text.includes('-A FORWARD -o enp7s0'))
})

const refused: readonly [title: string, data: Record<string, unknown>, message: RegExp][] = [
  ['a missing value', { rule: '' }, /cannot write undefined as text/],
  ['an object', { interface: { a: 1 }, rule: '' }, /cannot write \{ a: 1 \} as text/],
  ['a second line', { interface: 'a\n[Service]', rule: '' }, /cannot write 'a\\n\[Service\]' on one line/],
  ['a quote', { interface: "a' b", rule: '' }, /cannot write "a' b" into a unit/],
]
for (const [title, data, message] of refused) {
  test(`a template refuses ${title}`, (t) => {
    t.throws(() => template(clamp, data), { instanceOf: DeclarationError, message })
  })
}

test('a template that is missing, or of a syntax that nobody knows, is an error that names it', (t) => {
  t.throws(() => template('base/none.service.ejs'), { message: /template base\/none\.service\.ejs: .*no such file/i })
  t.throws(() => template('base/x.toml.ejs'), { message: /base\/x\.toml\.ejs/ })
  t.throws(() => render('base/x.toml.ejs', '', {}), { message: /no way is known to write values into \.toml/ })
})

test('an error names the line of the template', (t) => {
  const error = t.throws<DeclarationError>(() => render('a/b.hcl.ejs', 'a = 1\nb = <%= it.x.y %>', {}))
  t.is(error?.details.at, 'templates/a/b.hcl.ejs:2')
  t.regex(error?.message ?? '', /^template a\/b\.hcl\.ejs: Cannot read properties of undefined \(reading 'y'\)$/)
})

const token = Secret.of('token', 'b1946ac9-2492d234')

test('with a secret anywhere in its data a template is a secret, which knows what it is made from', (t) => {
  const data = [{ token }, { a: { b: [1, { token }] } }, { map: new Map([['a', token]]) }]
  for (const one of data) {
    const whole = render('a.hcl.ejs', 'x = 1\n', one)
    t.true(isSecret(whole))
    t.deepEqual(isSecret(whole) ? whole.parts : [], [token])
  }
  const used = render('a.hcl.ejs', 'x = <%= it.get() %>\n', { get: () => token })
  t.is(isSecret(used) ? used.reveal() : used, 'x = "b1946ac9-2492d234"\n')
  t.is(render('a.hcl.ejs', 'x = 1\n', { a: [{}] }), 'x = 1\n')
})

test('the type of a template says whether it is a secret', (t) => {
  const none: string = template(clamp, { interface: 'a', rule: 'b', deep: { list: ['c'] } })
  const all: Secret = template(clamp, { interface: 'a', rule: 'b', deep: { token } })
  const some: string | Secret = template(clamp, { interface: 'a', rule: 'b', tokens: [token] as readonly Secret[] })
  t.deepEqual([none, all, some].map(isSecret), [false, true, true])
  // @ts-expect-error: a secret is no text
  const wrong: string = template(clamp, { interface: 'a', rule: 'b', token })
  t.true(isSecret(wrong))
})

// each fails while it has the secret at hand
const failures: readonly [source: string, data?: Record<string, unknown>][] = [
  ['x = "<%= it.token %>"'],
  ['x = <%= it.token.reveal() %>1'],
  ['x = <%= `Bearer ${it.token.reveal()}\\ud800` %>'],
  ['x = <%= [it.token, undefined] %>'],
  ['x = <%= ({ [it.token.reveal()]: null }) %>'],
  ['x = <%= JSON.parse(it.token.reveal()) %>'],
  ['x = <%= it[it.token.reveal()].y %>'],
  ['<% throw it.token.reveal() %>'],
  ['<% throw it.token %>'],
  ['<% throw new Error(it.token.reveal()) %>'],
  ['x = <%= `${it.token}` %>'],
  ['x = <%= it.token + "" %>'],
  ['x = <%- it.token %>'],
  ['x = <%= it.token %>', { token: Secret.of('token', Uint8Array.of(0xff, 0xb1, 0x94)) }],
]
for (const [source, data = { token }] of failures)
  test(`an error never holds the secret: ${source}`, (t) => {
    const error = t.throws<DeclarationError>(() => render('a.hcl.ejs', source, data), { instanceOf: DeclarationError })
    t.notRegex(`${error?.stack}${JSON.stringify(error)}`, /b194|2d234|6ac9/)
    t.regex(error?.message ?? '', /^template a\.hcl\.ejs: /)
  })

test('text of a template that looks like a value stays as it is', (t) => {
  t.is(
    render('a.hcl.ejs', 'a = "caravan-0;"\nb = <%= it.x %>', { x: '\ufffc; caravan-1;' }),
    'a = "caravan-0;"\nb = "\ufffc; caravan-1;"',
  )
})
