import test from 'ava'
import { compared, examine, type Health } from '../../core/converge/health.ts'
import type { HealthCheck } from '../../core/declare/health.ts'
import { ProbeError } from '../../core/errors.ts'
import { localTransport } from '../../core/remote/local.ts'
import { Secret } from '../../core/secrets/secret.ts'
import { statusEvents, statusLines } from '../../core/terminal/status-view.ts'
import { createStyle } from '../../core/terminal/style.ts'
import { dockerHealth } from '../../roles/docker/health.ts'

const check = (name: string, ask: string, good: string | number, more: Partial<HealthCheck> = {}): HealthCheck => ({
  name,
  ask,
  expect: String(good),
  judge: (answer, status) => (typeof good === 'string' ? answer === good : status === good),
  ...more,
})
const questions = (...checks: readonly HealthCheck[]) => checks.map((one) => ({ role: 'toy', check: one }))
const plain = createStyle(false)

test('all questions are asked in one round trip, and each is judged by itself', async (t) => {
  const transport = localTransport()
  const found = await examine(
    'node-1',
    transport,
    questions(
      check('right', 'echo fine', 'fine'),
      check('wrong', 'echo "a $HOME"', 'fine'),
      check('fails', 'echo why >&2; exit 7', 'fine'),
      check('refuses', 'exit 3', 3),
      check('reads stdin', 'cat; echo end', 'end'),
      check('speaks at length', 'head -c 100000 /dev/zero | tr "\\0" x', 'x'.repeat(4096)),
      check('has quotes', `printf '%s' "it's \\"$((1 + 1))\\""`, 'it\'s "2"'),
    ),
  )
  t.is(transport.roundTrips(), 1)
  t.deepEqual(
    found.map(({ well }) => well),
    [true, false, false, true, true, true, true],
  )
  t.like(found[2], { answer: 'why', status: 7 })
})

test('a secret question stands in no argument, and is shown by its name', async (t) => {
  const ask = Secret.of('a question', "tr '\\0' ' ' </proc/$$/cmdline; cat")
  const [found] = await examine('node-1', localTransport(), questions(check('args', '', 'sh -s', { ask, within: 1 })))
  t.like(found, { answer: 'sh -s', well: true })
  t.regex(statusLines([found as Health], true, plain), /asked {5}\[a question\]\n/)
  t.like(JSON.parse(statusEvents([found as Health])), { asked: '[a question]' })
})

test('a question has the time that it says', async (t) => {
  const slow = { ask: 'sleep 5', within: 1 }
  const [found] = await examine('node-1', localTransport(), questions(check('slow', '', 0, slow)))
  t.is(found?.status, 124)
  t.regex(statusLines([found as Health], false, plain), /came {6}nothing within 1 s\n/)
})

test('a host whose answer is garbage is an error that names the check', async (t) => {
  const transport = { ...localTransport(), run: async () => ({ stdout: Buffer.from('0 0 ok'), stderr: '', code: 0 }) }
  const error = await t.throwsAsync(examine('node-1', transport, questions(check('x', ':', ''))), {
    instanceOf: ProbeError,
  })
  t.regex(error?.message ?? '', /nothing came back about "x"/)
})

const health = (host: string, answer: string, more: Partial<Health> = {}): Health => ({
  host,
  role: 'toy',
  check: check('has a leader', 'ask', 'an address', { same: true }),
  answer,
  status: 0,
  well: true,
  ...more,
})

test('answers that must be the same are bad on every host when one differs', (t) => {
  const two = [health('node-1', 'a'), health('node-2', 'a')]
  t.true(compared(two).every(({ well }) => well))
  t.deepEqual(
    compared([...two, health('node-3', 'b')]).map(({ well }) => well),
    [false, false, false],
  )
})

test('the screen: a line for what is well, and all that is known of what is not', (t) => {
  const bad = health('node-2', 'b\u001b[31m\nc', { status: 4, well: false })
  t.is(
    statusLines([health('node-1', 'a'), bad], false, plain),
    `node-1
  ok   toy  has a leader  a

node-2
  BAD  toy  has a leader
       asked     ask
       came      b\\x1b[31m\\nc (exit 4)
       expected  an address, the same on all hosts

2 hosts · 2 checks · 1 check of 2 not well
`,
  )
  t.like(JSON.parse(statusEvents([bad])), { event: 'health', host: 'node-2', well: false, came: bad.answer, status: 4 })
})

for (const [index, [answer, well]] of (
  [
    ['20.10.24+dfsg1', [true, false]],
    ['Cannot connect to the Docker daemon', [false, false]],
    ['', [false, false]],
    ['true', [false, true]],
    ['false', [false, false]],
  ] as const
).entries())
  test(`docker is judged by what it says: ${index}`, (t) => {
    t.deepEqual(
      dockerHealth.map(({ judge }) => judge(answer, 0)),
      well,
    )
  })
