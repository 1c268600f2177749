import test from 'ava'
import fc from 'fast-check'
import { changeEvent, unifiedDiff } from '../../core/terminal/change-event.ts'
import { hostNames } from '../../core/terminal/host-names.ts'
import { safeJson, safeLine, safeText } from '../../core/terminal/safe.ts'
import { createStyle } from '../../core/terminal/style.ts'
import { clusterLine } from '../../core/terminal/summary-view.ts'
import { duration, pad, truncate, width, wrap } from '../../core/terminal/text.ts'

const lines: readonly [text: string, line: string, text_: string][] = [
  ['plain – ünïcode 日本', 'plain – ünïcode 日本', 'plain – ünïcode 日本'],
  ['a\nb\tc', 'a\\nb\\tc', 'a\nb\tc'],
  ['a\r\nb\rc', 'a\\r\\nb\\rc', 'a\nb\\rc'],
  ['\u001b[31mred\u001b[0m', '\\x1b[31mred\\x1b[0m', 'red'],
  ['\u001b[2J\u001b[H', '\\x1b[2J\\x1b[H', '\\x1b[2J\\x1b[H'],
  ['\u001b]0;title\u0007', '\\x1b]0;title\\x07', '\\x1b]0;title\\x07'],
  ['\u009b31m\u0085\u007f', '\\x9b31m\\x85\\x7f', '\\x9b31m\\x85\\x7f'],
  ['user\u202egnp.exe\u2066', 'user\\u202egnp.exe\\u2066', 'user\\u202egnp.exe\\u2066'],
  ['zero\u200bwidth\ufeff', 'zero\\u200bwidth\\ufeff', 'zero\\u200bwidth\\ufeff'],
  ['\u2028\u2029', '\\u2028\\u2029', '\\u2028\\u2029'],
  ['tag\u{e0041}', 'tag\\u{e0041}', 'tag\\u{e0041}'],
  ['half \ud800 pair', 'half \\ud800 pair', 'half \\ud800 pair'],
]

for (const [text, line, whole] of lines) {
  test(`safe: ${JSON.stringify(text)}`, (t) => {
    t.is(safeLine(text), line)
    t.is(safeText(text), whole)
  })
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/

test('whatever a host says, nothing that moves a cursor gets through, and JSON keeps its value', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      t.notRegex(safeLine(text), control)
      t.notRegex(safeLine(text), /[\n\t]/)
      t.notRegex(safeText(text), control)
      t.notRegex(safeJson({ text }), control)
      t.deepEqual(JSON.parse(safeJson({ text })), { text })
    }),
  )
})

test('width counts columns, not characters', (t) => {
  t.deepEqual(['', 'abc', 'é', 'e\u0301', '日本', '🚚'].map(width), [0, 3, 1, 1, 4, 2])
  t.is(pad('日本', 6), '日本  ')
  t.is(pad('7', 3, 'left'), '  7')
  t.is(truncate('日本語', 5), '日本…')
  t.is(truncate('abcdef', 6), 'abcdef')
  t.is(truncate('abcdefg', 6), 'abcde…')
})

test('wrap breaks at spaces, breaks long words, and loses nothing', (t) => {
  t.deepEqual(wrap('one two three', 8), ['one two', 'three'])
  t.deepEqual(wrap('one two three', 7), ['one two', 'three'])
  t.deepEqual(wrap('/a/very/long/path', 6), ['/a/ver', 'y/long', '/path'])
  t.deepEqual(wrap('', 5), [''])
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-composite' }), fc.integer({ min: 2, max: 40 }), (text, columns) => {
      const wrapped = wrap(text, columns)
      t.is(wrapped.join('').replaceAll(' ', ''), text.replaceAll(' ', ''))
      t.true(wrapped.every((line) => width(line) <= columns))
    }),
  )
})

test('durations are read at a glance', (t) => {
  t.deepEqual([0, 0.04, 9.94, 9.96, 59.6, 119, 125, 3661].map(duration), [
    '0.0 s',
    '0.0 s',
    '9.9 s',
    '10 s',
    '60 s',
    '119 s',
    '2 min 5 s',
    '61 min 1 s',
  ])
})

const numbered = (...numbers: number[]) => numbers.map((number) => `node-${number}`)

const folded: readonly [hosts: readonly string[], text: string][] = [
  [['node-1'], 'node-1'],
  [numbered(1, 2, 3, 4, 5, 6), 'node-1, node-2, node-3, node-4, node-5, node-6'],
  [numbered(1, 2, 3, 4, 5, 6, 7), 'node-[1-7]'],
  [numbered(1, 2, 3, 5, 7, 8, 10), 'node-[1-3,5,7-8,10]'],
  [[...numbered(9, 10, 11), 'web', 'web1', 'web2', 'db'], 'node-[9-11], web, web[1-2], db'],
  [['n01', 'n02', 'n03', 'n04', 'n05', 'n06', 'n10'], 'n01, n02, n03, n04, n05, n06, n10'],
  [numbered(1, 2, 3, 4, 5, 6, 7).map((name) => `${name}.example.com`), 'node-[1-7].example.com'],
  [['a\u001b', 'b\n'], 'a\\x1b, b\\n'],
]

for (const [hosts, text] of folded) test(`host names: ${text}`, (t) => t.is(hostNames(hosts), text))

test('no two lists of hosts fold to the same names', (t) => {
  const names = fc.uniqueArray(
    fc.stringMatching(/^[a-c]?[0-9]{0,2}-?[0-9]{0,2}[a-c]?$/).filter((name) => name !== ''),
    { minLength: 7 },
  )
  fc.assert(fc.property(names, (hosts) => t.deepEqual(unfold(hostNames(hosts)), hosts)))
})

// What a reader does with `node-[1-3,5]`.
const unfold = (text: string): readonly string[] =>
  text.split(/, /).flatMap((part) => {
    const [, before = '', ranges, after = ''] = /^(.*?)\[([\d,-]+)\](.*)$/.exec(part) ?? []
    if (ranges === undefined) return [part]
    return ranges.split(',').flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number)
      return Array.from({ length: last - first + 1 }, (_, i) => `${before}${first + i}${after}`)
    })
  })

const diffs: readonly [from: string, to: string, diff: string][] = [
  ['a\nb\nc\n', 'a\nB\nc\n', '@@ -1,3 +1,3 @@\n a\n-b\n+B\n c'],
  ['', 'x \n', '@@ -0,0 +1,1 @@\n+x '],
  ['x', '', '@@ -1,1 +0,0 @@\n-x\n\\ No newline at end of file'],
  ['a\n', 'a\n', ''],
  ['a\0', 'b', '@@ binary contents differ @@'],
  ['x'.repeat(300_000), 'y', '@@ too large to show @@'],
]

for (const [from, to, diff] of diffs) {
  test(`diff: ${JSON.stringify(from.slice(0, 20))} → ${JSON.stringify(to)}`, (t) => t.is(unifiedDiff(from, to), diff))
}

test('a diff of two long texts without a common line comes to an end', (t) => {
  const text = (word: string) => Array.from({ length: 20_000 }, (_, i) => `${word}${i}`).join('\n')
  const began = performance.now()
  t.true(unifiedDiff(text('a'), text('b')).startsWith('@@'))
  t.true(performance.now() - began < 5000)
})

test('a change is told with a diff in place of its two texts', (t) => {
  const change = { property: 'content', from: 'absent', to: '2 bytes' }
  t.deepEqual(changeEvent(change), change)
  t.deepEqual(changeEvent({ ...change, diff: { from: '', to: 'x\n' } }), { ...change, diff: '@@ -0,0 +1,1 @@\n+x' })
})

test('a cluster is told in a line', (t) => {
  const line = (leader: string | undefined, inside: string[], outside: string[]) =>
    clusterLine({ event: 'cluster', cluster: 'consul', ...(leader && { leader }), inside, outside }, createStyle(false))
  t.is(line('node-1', ['node-1', 'node-2'], []), 'consul: node-1 leads, 2 of 2 take part')
  t.is(line('node-2', ['node-2'], ['node-1', 'node-3']), 'consul: node-2 leads, 1 of 3 take part, not node-1, node-3')
  t.is(line(undefined, [], ['node-1']), 'consul: no leader, 0 of 1 take part, not node-1')
})
