import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { UsageError } from '../../core/errors.ts'
import type { RunEvent } from '../../core/terminal/events.ts'
import { driftRun, firstRun } from './recorded.ts'
import { captured, capturedUi, rendered } from './screens.ts'

const terminal = () => Object.assign(captured().stream, { isTTY: true })

for (const [name, options] of Object.entries({
  'stdin is no terminal': { stdout: terminal(), isTTY: true },
  'nobody could read the question': { stdin: { isTTY: true } as NodeJS.ReadStream },
  'stdout is for events': { json: true, isTTY: true, stdout: terminal(), stdin: { isTTY: true } as NodeJS.ReadStream },
})) {
  test(`nobody is asked, and nothing waits, where ${name}`, async (t) => {
    const { ui } = capturedUi(options)
    const refused = await t.throwsAsync(ui.confirm('Apply these changes?'), { instanceOf: UsageError })
    t.is(refused?.message, 'nobody can be asked here: Apply these changes?')
    t.is(refused?.details.hint, 'add --yes')
    const other = await t.throwsAsync(ui.confirm('Write it?', { flag: '--write' }), { instanceOf: UsageError })
    t.is(other?.details.hint, 'add --write')
    await t.throwsAsync(ui.askPassword('sudo password of node-1'), { instanceOf: UsageError })
    await t.throwsAsync(ui.ask('User?', { hint: 'add --user NAME' }), { instanceOf: UsageError })
    await t.throwsAsync(ui.choose('Which?', ['a'], { hint: 'add --hosts' }), { instanceOf: UsageError })
  })
}

const hostile = '\u001b[2J\u001b[H\u009b2Kx\u202e\nnode-9: all is well\r'

const hostileRun = (): readonly RunEvent[] =>
  firstRun(2).flatMap((event): readonly RunEvent[] => {
    if (event.event !== 'plan') return [event]
    const planned = {
      play: hostile,
      role: hostile,
      resource: `file /tmp/${hostile}`,
      at: hostile,
      changes: [{ property: hostile, from: hostile, to: hostile, diff: `@@ -1 +1 @@\n-a\n+${hostile}` }],
    }
    const place = { host: 'node-1', play: hostile, role: hostile, resource: hostile }
    return [
      { event: 'warning', host: hostile, message: hostile, hint: hostile },
      {
        event: 'plan',
        hosts: {
          'node-1': [
            { ...planned, kind: 'provisional' },
            { ...planned, kind: 'wait' },
          ],
        },
        unchanged: { 'node-1': 3, 'node-2': 3 },
      },
      { event: 'play', play: hostile, hosts: [hostile] },
      { event: 'applying', ...place, kind: 'change' },
      { event: 'applied', ...place, kind: 'change', ok: false, seconds: 9 },
      { event: 'error', error: { message: hostile, ...place, detail: hostile, hint: hostile, at: hostile } },
    ]
  })

test('no text of a host moves the cursor, ends a line or begins one', async (t) => {
  const screen = await rendered(hostileRun(), { diff: true, verbose: true })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  t.notRegex(screen, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  t.notRegex(screen, /^node-9/m)
  const json = await rendered(hostileRun(), { json: true })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  t.notRegex(json, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  t.deepEqual(
    json
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).event),
    hostileRun().map(({ event }) => event),
  )
})

test('what another program asks the person is asked with the display out of its way', async (t) => {
  const { ui, stdout } = capturedUi()
  for (const event of driftRun(1)) ui.emit(event)
  t.is(await ui.handOver(async () => stdout().includes('drift, nothing applied')), true)
  await t.throwsAsync(
    ui.handOver(() => Promise.reject(new UsageError('no'))),
    { message: 'no' },
  )
})

test('a reader that leaves early does not end the run', async (t) => {
  const replay = fileURLToPath(new URL('replay.ts', import.meta.url))
  const child = spawn(process.execPath, [replay, '3', '--json', '--speed', '5'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.once('data', () => child.stdout.destroy())
  let stderr = ''
  child.stderr.on('data', (piece) => {
    stderr += piece
  })
  const [code] = await once(child, 'exit')
  t.is(stderr, '')
  t.is(code, 0)
})
