import { readFileSync } from 'node:fs'
import test from 'ava'
import { CaravanError } from '../../core/errors.ts'
import { printError } from '../../core/terminal/errors.ts'
import { checkLine, eventNames, fieldsOf } from './event-schema.ts'
import { driftRun, firstRun, quietRun } from './recorded.ts'
import { captured, rendered } from './screens.ts'

const docs = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8')
const example = /```json\n(.*?)```/s.exec(docs)?.[1]?.trim().split('\n') ?? []

test('the example of docs/events.md keeps to the schema and has every event', (t) => {
  const events = example.map(checkLine)
  t.deepEqual([...new Set(events.map(({ event }) => event))].sort(), [...eventNames].sort())
  t.is(events[0]?.event, 'start')
  t.is(events.at(-1)?.event, 'summary')
})

for (const name of eventNames) {
  test(`docs/events.md tells of every field of ${name}`, (t) => {
    const section = docs.split(`### ${name}\n`)[1]?.split('\n### ')[0] ?? ''
    const told = [...section.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
      cell.replaceAll('`', '').split(', '),
    )
    t.true(
      fieldsOf(name).every((field) => told.includes(field)),
      `${fieldsOf(name)} in ${told}`,
    )
  })
}

test('the schema is not content with anything', (t) => {
  const [start = ''] = example
  t.throws(() => checkLine(start.replace('"check":false,', '')))
  t.throws(() => checkLine(start.replace('"check"', '"more":1,"check"')))
  t.throws(() => checkLine(start.replace('"start"', '"begin"')))
  t.throws(() => checkLine(start.replace('.012Z', 'Z')))
})

for (const [name, events] of Object.entries({
  quiet: quietRun(3),
  drift: driftRun(3),
  first: firstRun(3),
  failing: firstRun(3, 'node-2'),
})) {
  test(`--json prints the events of a run and nothing else: ${name}`, async (t) => {
    const output = await rendered(events, { json: true, verbose: true, diff: true, isTTY: true })
    const lines = output.split('\n')
    t.is(lines.pop(), '')
    t.deepEqual(
      lines.map((line) => ({ ...checkLine(line), time: undefined })),
      events.map((event) => ({ ...event, time: undefined })),
    )
  })
}

test('the last line of --json begins as it was promised', async (t) => {
  const last = (await rendered(quietRun(1), { json: true })).trim().split('\n').at(-1) ?? ''
  t.true(
    last.startsWith(
      '{"event":"summary","hosts":{"node-1":{"changed":0,"unchanged":19,"failed":0,"roundTrips":1,"seconds":{"connect":',
    ),
  )
})

test('an error before the run is an event too', (t) => {
  const [stdout, stderr] = [captured(), captured()]
  printError(
    new AggregateError([new CaravanError('one', { at: 'inventory.yaml:3', hint: 'mend it' }), new Error('two')]),
    {
      json: true,
      verbose: true,
      stdout: stdout.stream,
      stderr: stderr.stream,
    },
  )
  const events = stdout.text().trim().split('\n').map(checkLine)
  t.is(events.length, 2)
  t.like(events[0], { event: 'error', error: { message: 'one', at: 'inventory.yaml:3', hint: 'mend it' } })
  t.like(events[1], { event: 'error', error: { message: 'two' } })
  t.is(stderr.text(), '')
})
