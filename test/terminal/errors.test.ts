import test from 'ava'
import { ApplyError, InventoryError, UsageError } from '../../core/errors.ts'
import { printError } from '../../core/terminal/errors.ts'
import { captured } from './screens.ts'

const printed = (thrown: unknown, { verbose = false, isTTY = false, env = {} } = {}): string => {
  const [stdout, stderr] = [captured(), captured()]
  Object.assign(stderr.stream, { isTTY })
  printError(thrown, { json: false, verbose, stdout: stdout.stream, stderr: stderr.stream, env })
  return stdout.text() + stderr.text()
}

const details = {
  host: 'node-1',
  role: 'coredns',
  resource: 'file /etc/coredns/Corefile',
  at: 'roles/coredns/index.ts:21',
}

const cases: readonly [name: string, thrown: unknown, text: string][] = [
  [
    'an error of a host',
    new ApplyError('apply failed: no space left on device (exit 1)', { ...details, hint: 'df -h /etc on node-1' }),
    [
      'node-1 › coredns › file /etc/coredns/Corefile: apply failed: no space left on device (exit 1)',
      '  at roles/coredns/index.ts:21',
      '  try: df -h /etc on node-1',
      '',
    ].join('\n'),
  ],
  [
    'lines of an inventory',
    new InventoryError('inventory.yaml:3:5: unknown key\ninventory.yaml:7:1: a tab'),
    'inventory.yaml:3:5: unknown key\ninventory.yaml:7:1: a tab\n',
  ],
  [
    'several at once',
    new AggregateError([new UsageError('one'), new AggregateError([new UsageError('two')])]),
    'one\ntwo\n',
  ],
  [
    'the same one of two hosts',
    new AggregateError([new ApplyError('gone', { host: 'a' }), new ApplyError('gone', { host: 'b' })]),
    'a, b: gone\n',
  ],
  [
    'a host that feigns another one, and moves the cursor',
    new ApplyError('failed\nnode-2: all is well\u001b[2K', {
      host: 'node-1\nnode-3',
      resource: 'file /a\n/b\u001b[1A\u202e',
      detail: 'first\r\n\u001b[31mred\u001b[0m\n\u001b]0;title\u0007\n',
      hint: 'a\nb',
    }),
    [
      'node-1\\nnode-3 › file /a\\n/b\\x1b[1A\\u202e: failed',
      '  node-2: all is well\\x1b[2K',
      '  | first',
      '  | red',
      '  | \\x1b]0;title\\x07',
      '  try: a\\nb',
      '',
    ].join('\n'),
  ],
]

for (const [name, thrown, text] of cases) test(`error: ${name}`, (t) => t.is(printed(thrown), text))

test('a defect of ours says so, and shows its stack only when asked to', (t) => {
  for (const thrown of [new TypeError('x is not a function'), 'a text', undefined]) {
    const text = printed(thrown)
    t.true(text.includes('this is a defect of Caravan'))
    t.false(text.includes('  | '))
  }
  t.regex(
    printed(new TypeError('x is not a function'), { verbose: true }),
    /\n {2}\| TypeError: x is not a function\n {2}\| +at /,
  )
})

test('errors of ours never show a stack', (t) => {
  t.is(printed(new UsageError('no'), { verbose: true }), 'no\n')
})

test('errors are coloured on a terminal alone', (t) => {
  const env = { TERM: 'xterm' }
  t.is(printed(new UsageError('no'), { isTTY: true, env }), '\u001b[31mno\u001b[39m\n')
  t.is(printed(new UsageError('no'), { isTTY: true, env: { ...env, NO_COLOR: '1' } }), 'no\n')
})
