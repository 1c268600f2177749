import test from 'ava'
import fc from 'fast-check'
import { DeclarationError } from '../../core/errors.ts'
import { escaperFor } from '../../core/secrets/escape.ts'
import { template } from '../../core/secrets/template.ts'

const clamp = 'base/caravan-mss-clamp.service.ejs'

test('a template writes its values', (t) => {
  const text = template(clamp, { interface: 'enp7s0', rule: '-o enp7s0' })
  t.true(text.includes('MTU of enp7s0\n'))
  t.true(text.includes('-A FORWARD -o enp7s0'))
})

const refused: [title: string, data: Record<string, unknown>, message: RegExp][] = [
  ['a missing value', { rule: '' }, /cannot write undefined as text/],
  ['an object', { interface: {}, rule: '' }, /cannot write object as text/],
  ['a second line', { interface: 'a\n[Service]', rule: '' }, /cannot write "a\\n\[Service\]" on one line/],
  ['a quote', { interface: "a' b", rule: '' }, /cannot write "a' b" into a unit/],
]
for (const [title, data, message] of refused) {
  test(`a template refuses ${title}`, (t) => {
    t.throws(() => template(clamp, data), { instanceOf: DeclarationError, message })
  })
}

test('a template that is missing, or of a syntax that nobody knows, is an error that names it', (t) => {
  t.throws(() => template('base/none.service.ejs'), { message: /template base\/none\.service\.ejs: .*no such file/i })
  t.throws(() => template('base/x.toml.ejs'), {
    message: /template base\/x\.toml\.ejs: no way is known to write values into \.toml/,
  })
})

test('what systemd would expand is written so that it does not', (t) => {
  t.is(escaperFor('a.service.ejs')('100% of $HOME'), '100%% of $$HOME')
})

test('a value never leaves its line, whatever it holds', (t) => {
  const escape = escaperFor('a.service.ejs')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      try {
        return !/[\n\r\0"'\\;]/.test(escape(value))
      } catch (error) {
        return error instanceof DeclarationError
      }
    }),
  )
  t.pass()
})
