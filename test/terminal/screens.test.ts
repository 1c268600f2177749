import test from 'ava'
import type { RunEvent } from '../../core/terminal/events.ts'
import { width } from '../../core/terminal/text.ts'
import type { UiOptions } from '../../core/terminal/ui.ts'
import { driftRun, firstRun, foreignRun, quietRun } from './recorded.ts'
import { capturedUi, looksLike, rendered } from './screens.ts'

const screens: readonly [name: string, events: readonly RunEvent[], options: Partial<UiOptions>][] = [
  ['quiet-3', quietRun(3), {}],
  ['quiet-50', quietRun(50), {}],
  ['quiet-3-verbose', quietRun(3), { verbose: true }],
  ['foreign-3', foreignRun(3), {}],
  ['foreign-3-diff', foreignRun(3), { diff: true }],
  ['check-3-at-60', driftRun(3), { columns: 60 }],
  ['check-3-at-80', driftRun(3), { columns: 80 }],
  ['check-3-at-200', driftRun(3), { columns: 200 }],
  ['check-3-diff', driftRun(3), { diff: true }],
  ['check-10', driftRun(10), {}],
  ['check-50', driftRun(50), {}],
  ['apply-3', firstRun(3), {}],
  ['apply-3-failing', firstRun(3, 'node-2'), {}],
  ['apply-3-failing-verbose-at-60', firstRun(3, 'node-2'), { verbose: true, columns: 60 }],
  ['apply-3-verbose', firstRun(3), { verbose: true }],
]

// Times since the start are the only thing that the events do not say.
const withoutClock = (screen: string): string =>
  screen.replaceAll(/^ +\d+\.\d s( {2}node-\d+ {2}\w+ing)$/gm, '   0.0 s$1')

for (const [name, events, options] of screens) {
  test(`screen ${name}`, async (t) => {
    const screen = withoutClock(await rendered(events, options))
    looksLike(t, name, screen)
    // Lines of single resources in a log are left whole, for whoever greps them.
    const tooWide = screen
      .split('\n')
      .filter((line) => width(line) > (options.columns ?? 80) && !/^node-\d+ /.test(line))
    t.deepEqual(tooWide, [])
  })
}

test('50 hosts take a line per fate, not a line per host, in the plan and in the table', async (t) => {
  const screen = await rendered(firstRun(50, 'node-17'))
  t.regex(screen, /^50 hosts: node-\[1-50\]$/m)
  t.regex(screen, /^node-\[1-16,18-50\] +7 +19 +0 +4 +12\.8$/m)
  t.regex(screen, /^node-17 +4 +19 +1 +4 +8\.3$/m)
  t.regex(screen, /^50 hosts · 347 changes made .* failed on\nnode-17/m)
})

test('a terminal gets colours; NO_COLOR and TERM=dumb take them away and change nothing else', async (t) => {
  const plain = await rendered(driftRun(3))
  const coloured = await rendered(driftRun(3), { isTTY: true, env: { TERM: 'xterm-256color' } })
  t.true(coloured.includes('\u001b[1m3 hosts: node-1, node-2, node-3\u001b[22m'))
  t.is(await rendered(driftRun(3), { isTTY: true, env: { TERM: 'xterm-256color', NO_COLOR: '1' } }), plain)
  t.is(await rendered(driftRun(3), { isTTY: true, env: { TERM: 'dumb' } }), plain)
})

test('a dumb terminal gets the plain lines of a pipe, and no cursor is moved', async (t) => {
  t.is(await rendered(firstRun(3), { isTTY: true, env: { TERM: 'dumb' } }), await rendered(firstRun(3)))
  t.false((await rendered(firstRun(3))).includes('\u001b'))
})

const beforePlan = (events: readonly RunEvent[], added: RunEvent): readonly RunEvent[] =>
  events.flatMap((event) => (event.event === 'plan' ? [added, event] : [event]))

test('a host that failed before the plan is shown beside it, left out of it, and not told twice', async (t) => {
  const down: RunEvent = {
    event: 'error',
    error: { message: 'cannot connect: no route to host', host: 'node-2', hint: 'ping node-2' },
  }
  const screen = await rendered(beforePlan(driftRun(3), down))
  t.regex(screen, /^2 of 3 hosts: node-1, node-3$/m)
  t.regex(screen, /^14 changes on 2 hosts \(2 provisional\), 2 waits; 38 resources are right/m)
  t.regex(screen, /^left out because of errors: node-2$/m)
  t.is(screen.split('cannot connect').length - 1, 1)
})

test('errors before the plan are told again at the end, once other things were applied', async (t) => {
  const down: RunEvent = { event: 'error', error: { message: 'cannot connect', host: 'node-9' } }
  t.is((await rendered(beforePlan(firstRun(3), down))).split('cannot connect').length - 1, 2)
})

test('the same error of several hosts is told once', async (t) => {
  const errors = ['node-1', 'node-2', 'node-3'].map(
    (host): RunEvent => ({ event: 'error', error: { message: 'no route to host', host, hint: 'look at the network' } }),
  )
  const [start, ...rest] = quietRun(3)
  const screen = await rendered([start as RunEvent, ...errors, ...rest])
  t.true(screen.includes('node-1, node-2, node-3: no route to host\n  try: look at the network\n'))
  t.is(screen.split('no route').length - 1, 1)
})

test('the same warning of several hosts is told once, below the plan', async (t) => {
  const warned = ['node-1', 'node-3'].map(
    (host): RunEvent => ({ event: 'warning', host, message: 'nothing keeps its clock right', hint: 'chrony' }),
  )
  const text = 'warning: node-1, node-3: nothing keeps its clock right\n  try: chrony\n'
  const [start, ...rest] = driftRun(3)
  const { ui, stdout, stderr } = capturedUi()
  for (const event of [start as RunEvent, ...warned]) ui.emit(event)
  t.is(stderr(), '')
  for (const event of rest.filter(({ event }) => event !== 'summary')) ui.emit(event)
  t.is(stderr(), `\n${text}`)
  t.true(stdout().includes('21 changes on 3 hosts'))
  ui.emit({ event: 'warning', message: 'later' })
  await t.throwsAsync(ui.confirm('Apply?'))
  t.is(stderr(), `\n${text}\nwarning: later\n`)
})

test('each run of a playbook begins anew', async (t) => {
  const screen = await rendered([...firstRun(3, 'node-2'), ...quietRun(3)])
  t.true(screen.includes('\n3 hosts · 57 resources right · nothing to change · 0.4 s\n'))
  t.is(screen.split('apply failed').length - 1, 1)
})
