import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { changeLines, parseRun, readRuns, runLines, whyLines } from '../../core/terminal/history.ts'

const planned = (resource: string, to: string) => ({
  play: 'p',
  role: 'r',
  resource,
  at: 'roles/r/index.ts:7',
  kind: 'firm',
  changes: [{ property: 'content', from: 'a', to }],
})
const record = (
  time: string,
  to: string,
  more: readonly object[] = [],
  end: readonly object[] = [{ event: 'summary', exit: 0, seconds: 2, hosts: {} }],
) =>
  [
    { event: 'start', playbook: 'site', check: false, hosts: ['node-1', 'node-2'], time },
    {
      event: 'plan',
      hosts: { 'node-1': [planned('file /etc/x', to), planned('block /etc/hosts#cluster', to)] },
      unchanged: {},
    },
    {
      event: 'applied',
      host: 'node-1',
      play: 'p',
      role: 'r',
      resource: 'file /etc/x',
      kind: 'change',
      ok: true,
      seconds: 1,
      time,
    },
    ...more,
    ...end,
  ]
    .map((event) => `${JSON.stringify(event)}\n`)
    .join('')

const applied = (resource: string, ok = true) => ({
  event: 'applied',
  host: 'node-1',
  play: 'p',
  role: 'r',
  resource,
  kind: 'change',
  ok,
  seconds: 1,
  time: 't',
})
const one = parseRun('run-1', record('2026-11-22T20:00:00.000Z', 'b'))
const two = parseRun(
  'run-2',
  record(
    '2026-11-22T21:00:00.000Z',
    'c',
    [applied('block /etc/hosts#cluster', false), { event: 'error', error: { message: 'no \u001b[31mspace' } }],
    [],
  ),
)

test('a line a run', (t) => {
  t.deepEqual(runLines([two, one]), [
    'run-2  site  2 hosts  1 change  was cut off · no \\x1b[31mspace',
    'run-1  site  2 hosts  1 change  exit 0, 2.0 s',
  ])
})

test('what a run changed, with the line that asked for it', (t) => {
  t.deepEqual(changeLines(one), [
    '2026-11-22T20:00:00.000Z  node-1 › r › file /etc/x  (roles/r/index.ts:7)  run run-1',
    '    content: a → b',
  ])
})

test('why a path is as it is: every change of it, also of a part', (t) => {
  t.deepEqual(
    whyLines([two, one], '/etc/x').filter((line) => line.startsWith('    ')),
    ['    content: a → c', '    content: a → b'],
  )
  t.regex(whyLines([two, one], '/etc/hosts')[0] ?? '', /^t {2}node-1 › r › block \/etc\/hosts#cluster {2}failed/)
  t.deepEqual(whyLines([two, one], '/etc'), [])
})

test('records that are cut off, broken or none are read as far as they go', (t) => {
  const whole = record('2026-11-22T20:00:00.000Z', 'b')
  for (let length = 0; length < whole.length; length += 37) {
    t.notThrows(() => [
      runLines([parseRun('x', whole.slice(0, length))]),
      changeLines(parseRun('x', whole.slice(0, length))),
    ])
  }
  t.is(parseRun('x', 'null\n[]\n{}\ngarbage\n').unreadable, 4)
})

test('runs are read newest first, and a directory that does not exist has none', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'caravan-history-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'a.ndjson'), record('2026-11-22T20:00:00.000Z', 'b'))
  writeFileSync(join(directory, 'b.ndjson'), record('2026-11-22T21:00:00.000Z', 'b'))
  writeFileSync(join(directory, 'notes.txt'), '')
  t.deepEqual(
    readRuns(directory).map(({ run }) => run),
    ['b', 'a'],
  )
  t.deepEqual(readRuns(join(directory, 'none')), [])
})

test('lines that only look like events, and a record that is no file, are passed over', (t) => {
  const lines = [
    '{"event":"start","playbook":{},"hosts":{}}',
    '{"event":"plan"}',
    '{"event":"plan","hosts":{"node-1":7}}',
    '{"event":"plan","hosts":{"node-1":[null]}}',
    '{"event":"applied"}',
    '{"event":"error"}',
    '{"event":"error","error":{"message":7}}',
    '{"event":"summary","exit":{},"seconds":"x"}',
    '{"event":"constructor"}',
    'null',
  ]
  const run = parseRun('odd', lines.join('\n'))
  t.is(run.unreadable, 9)
  t.deepEqual(runLines([run]), ['odd  ?  0 hosts  changed nothing  was cut off'])
  t.deepEqual([...changeLines(run), ...whyLines([run], 'x')], [])

  const directory = mkdtempSync(join(tmpdir(), 'caravan-history-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  mkdirSync(join(directory, 'odd.ndjson'))
  t.is(readRuns(directory)[0]?.unreadable, 1)
})
