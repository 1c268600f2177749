import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { RunEvent } from '../../core/terminal/events.ts'
import { checkLine } from './event-schema.ts'
import { driftRun, firstRun, quietRun } from './recorded.ts'
import { capturedUi } from './screens.ts'

const newDirectory = (t: ExecutionContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'caravan-records-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)

const record = async (recordDir: string, events: readonly RunEvent[], json = false) => {
  const { ui, stdout, stderr } = capturedUi({ recordDir, json })
  for (const event of events) ui.emit(event)
  await ui.close()
  return { stdout: stdout(), stderr: stderr() }
}

for (const [name, events] of Object.entries({ planned: driftRun(2), applied: firstRun(2) })) {
  test(`a run that ${name} something leaves all its events, for its owner alone`, async (t) => {
    const directory = join(newDirectory(t), 'runs')
    await record(directory, events)
    const file = join(directory, '20250101T120000-1234.ndjson')
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    t.deepEqual(
      lines.map(checkLine).map(({ event }) => event),
      events.map(({ event }) => event),
    )
    t.deepEqual([mode(directory), mode(file)], ['700', '600'])
  })
}

test('a run that finds everything right leaves no record, not even a directory', async (t) => {
  const directory = newDirectory(t)
  await record(join(directory, 'runs'), quietRun(3))
  t.deepEqual(readdirSync(directory), [])
})

test('the record is there while the run is still going on', (t) => {
  const directory = newDirectory(t)
  const { ui } = capturedUi({ recordDir: directory })
  const events = firstRun(1).filter(({ event }) => event !== 'summary')
  for (const event of events) ui.emit(event)
  t.is(readFileSync(join(directory, '20250101T120000-1234.ndjson'), 'utf8').trim().split('\n').length, events.length)
})

test('several runs of one playbook leave a record each', async (t) => {
  const directory = newDirectory(t)
  const [start, ...rest] = driftRun(1)
  await record(directory, [...driftRun(1), { ...start, run: 'second' } as RunEvent, ...rest])
  t.deepEqual(readdirSync(directory).sort(), ['20250101T120000-1234.ndjson', 'second.ndjson'])
  t.is(readFileSync(join(directory, 'second.ndjson'), 'utf8').trim().split('\n').length, rest.length + 1)
})

test('the newest 50 are kept, and nothing else is touched', async (t) => {
  const directory = newDirectory(t)
  for (let i = 1; i <= 60; i++) {
    const file = join(directory, `old-${i}.ndjson`)
    writeFileSync(file, '')
    utimesSync(file, i, i)
  }
  writeFileSync(join(directory, 'notes.txt'), 'mine')
  await record(directory, driftRun(1))
  const left = readdirSync(directory)
  t.is(left.filter((name) => name.endsWith('.ndjson')).length, 50)
  t.true(left.includes('20250101T120000-1234.ndjson'))
  t.true(left.includes('old-12.ndjson'))
  t.false(left.includes('old-11.ndjson'))
  t.true(left.includes('notes.txt'))
})

test('a record that cannot be written is one warning, and the run goes on', async (t) => {
  const directory = join(newDirectory(t), 'runs')
  writeFileSync(directory, 'a file is in the way')
  const { stdout, stderr } = await record(directory, firstRun(2))
  t.true(stdout.includes('2 hosts · 14 changes made'))
  t.is(stderr.split('warning: this run is not recorded: EEXIST').length, 2)
  const events = (await record(directory, firstRun(2), true)).stdout.trim().split('\n').map(checkLine)
  t.is(events.filter(({ event }) => event === 'warning').length, 1)
  t.is(events.at(-1)?.event, 'summary')
})

test('a run id never names a file outside of the directory', async (t) => {
  const directory = join(newDirectory(t), 'runs')
  const [start, ...rest] = driftRun(1)
  await record(directory, [{ ...start, run: '../../x\n' } as RunEvent, ...rest])
  t.deepEqual(readdirSync(directory), ['__.._x_.ndjson'])
})

test('a directory that others could read is closed', async (t) => {
  const directory = newDirectory(t)
  chmodSync(directory, 0o755)
  await record(directory, driftRun(1))
  t.is(mode(directory), '700')
})
