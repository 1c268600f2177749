import test from 'ava'
import fc from 'fast-check'
import { $, ProcessOutput } from 'zx'
import { type CaravanError, DeclarationError, UnfinishedError, UsageError } from '../../core/errors.ts'
import { hostShell, thrownByPlaybook } from '../../core/remote/host-shell.ts'
import { limiter } from '../../core/remote/limiter.ts'
import { localTransport } from '../../core/remote/local.ts'
import { hostile } from '../secrets/hostile.ts'
import { host } from './hosts.ts'

const node = host('node-1', 'node-1.example.com')
const shellOf = ({ check = false, forks = 5 } = {}) =>
  hostShell(node, localTransport(), { check, limit: limiter(forks) })
const on = shellOf()
const words = async (value: unknown): Promise<readonly string[]> =>
  (await on`printf '%s\\0' ${value as string}`).stdout.split('\0').slice(0, -1)

const values: readonly [title: string, value: unknown, ...words: string[]][] = [
  ['text', 'a b', 'a b'],
  ['an empty text', '', ''],
  ['a number', -1.5, '-1.5'],
  ['a large number', 2n ** 70n, '1180591620717411303424'],
  ['a boolean', false, 'false'],
  ['an array', ['a b', 1, "it's", ''], 'a b', '1', "it's", ''],
  ['a promise', Promise.resolve('a b'), 'a b'],
  ['a promise of an array', Promise.resolve(['a', 'b']), 'a', 'b'],
  ['code', '$(id); `id` "$HOME" \\', '$(id); `id` "$HOME" \\'],
  ['an option', '--help', '--help'],
]
for (const [title, value, ...expected] of values)
  test(`a value: ${title}`, async (t) => t.deepEqual(await words(value), expected))

test('a value: what another command printed, without what it complained of', async (t) => {
  const output = await on`echo "a b"; echo c; echo error >&2`
  t.deepEqual(await words(output), ['a b\nc'])
  t.deepEqual(await words([output, 'x']), ['a b\nc', 'x'])
  t.deepEqual(await words($({ quiet: true })`echo from here`), ['from here'])
})

test('a value: an empty array is no word', async (t) => {
  t.is((await on`set -- ${[]}; echo $#`).stdout, '0\n')
})

test('values arrive byte for byte, or are refused', async (t) => {
  const text = fc.oneof({ weight: 20, arbitrary: hostile }, fc.constantFrom('a\0b', '\ud800', 'x\udc00'))
  for (const batch of fc.sample(fc.array(text, { maxLength: 50 }), Number(process.env.CARAVAN_FUZZ ?? 1000) / 25)) {
    const bad = batch.filter((one) => one.includes('\0') || !one.isWellFormed())
    for (const one of bad) await t.throwsAsync(words(one), { instanceOf: DeclarationError })
    const good = batch.filter((one) => !bad.includes(one))
    t.deepEqual(await words(good), good.length === 0 ? [''] : good)
  }
})

const refused: readonly [title: string, value: unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['an object', {}],
  ['no output', { stdout: 1 }],
  ['an array in an array', [['a']]],
  ['undefined in an array', [undefined]],
  ['a function', () => 'x'],
  ['a symbol', Symbol('x')],
]
for (const [title, value] of refused)
  test(`no value: ${title}`, async (t) => {
    const error = await t.throwsAsync(words(value), { instanceOf: DeclarationError, message: /cannot be given/ })
    t.is(error.details.host, 'node-1')
    t.regex(error.details.at ?? '', /^test\/remote\/host-shell\.test\.ts:\d+$/)
  })

test('the command itself is as it is written', async (t) => {
  t.is((await on`printf 'a\tb\\n' | tr a-z A-Z && echo "$((1 + 1))"`).stdout, 'A\tB\n2\n')
  await t.throwsAsync(Promise.resolve(on`echo \u`), { message: /bad escape/ })
})

test('what comes back is an output of zx', async (t) => {
  const output = await on`echo out; echo err >&2`
  t.true(output instanceof ProcessOutput)
  t.like(output, { stdout: 'out\n', stderr: 'err\n', exitCode: 0, ok: true, signal: null })
  t.is((await on`printf 'a\\nb\\n'`).text(), 'a\nb\n')
  t.deepEqual((await on`printf 'a\\nb\\n'`).lines(), ['a', 'b'])
  t.deepEqual((await on`echo '{"a":1}'`).json(), { a: 1 })
  t.true((await on`sleep 0.05`).duration >= 50)
  t.true(Buffer.from((await on`printf 'ü☃'`).stdout).equals(Buffer.from('ü☃')))
})

test('a command that fails rejects with it, and knows its host for whoever shows it', async (t) => {
  const output: unknown = await on`echo out; echo why >&2; exit 3`.catch((thrown) => thrown)
  t.true(output instanceof ProcessOutput)
  t.like(output, { exitCode: 3, stdout: 'out\n', stderr: 'why\n', ok: false })
  const error = thrownByPlaybook(output) as CaravanError
  t.is(error.message, 'exit 3: echo out; echo why >&2; exit 3')
  t.like(error.details, { host: 'node-1', detail: 'why' })
  t.regex(error.details.at ?? '', /^test\/remote\/host-shell\.test\.ts:\d+$/)
})

test('a slip of the playbook is shown with its line, and an error of ours as it is', (t) => {
  const slip = thrownByPlaybook(new TypeError('x is not a function')) as CaravanError
  t.is(slip.message, 'TypeError: x is not a function')
  t.regex(slip.details.at ?? '', /^test\/remote\/host-shell\.test\.ts:\d+$/)
  t.is(slip.details.hint, undefined)
  const ours = new UsageError('x')
  t.is(thrownByPlaybook(ours), ours)
  t.is(thrownByPlaybook('text'), 'text')
  const both = thrownByPlaybook(new AggregateError([new TypeError('x'), ours])) as AggregateError
  t.deepEqual(
    both.errors.map(({ message }) => message),
    ['TypeError: x', 'x'],
  )
})

test('nothrow gives the output whatever the exit status', async (t) => {
  t.like(await on({ nothrow: true })`exit 3`, { exitCode: 3, ok: false })
})

test('a time-out is an error, also with nothrow', async (t) => {
  await t.throwsAsync(on({ timeout: 0.2, nothrow: true })`sleep 10`, { instanceOf: UnfinishedError })
})

test('--check runs only what is marked as read-only, and nothing before its values were looked at', async (t) => {
  const check = shellOf({ check: true })
  const error = await t.throwsAsync(check`echo ${'a b'}`, { instanceOf: UsageError })
  t.is(error.message, "--check changes nothing, and this command may: echo 'a b'")
  t.like(error.details, { host: 'node-1', hint: 'mark it if it only reads: host.$({ readOnly: true })`…`' })
  await t.throwsAsync(check({ nothrow: true })`echo a`, { instanceOf: UsageError })
  t.is((await check({ readOnly: true })`echo a`).stdout, 'a\n')
})

test('at most so many commands run at once, over all hosts, and each takes its turn', async (t) => {
  let [now, most] = [0, 0]
  const local = localTransport()
  const counted = {
    ...local,
    run: async (script: string) => {
      most = Math.max(most, ++now)
      return local.run(script).finally(() => now--)
    },
  }
  const limit = limiter(3)
  const hosts = Array.from({ length: 4 }, () => hostShell(node, counted, { check: false, limit }))
  const began = await Promise.allSettled(hosts.flatMap((one) => [one`sleep 0.05; echo a`, one`exit 1`, one`echo b`]))
  t.is(most, 3)
  t.is(began.filter(({ status }) => status === 'fulfilled').length, 8)
})
