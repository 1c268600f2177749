import test from 'ava'
import type { RunEvent } from '../../core/terminal/events.ts'
import { firstRun } from './recorded.ts'
import { captured, capturedUi } from './screens.ts'

const onTty = () => {
  const { stream, text } = captured()
  const stdout = Object.assign(stream, { isTTY: true, columns: 80, rows: 24 })
  return { ...capturedUi({ isTTY: true, stdout, env: { TERM: 'xterm', NO_COLOR: '1' } }), text }
}

const [summary, ...rest] = [...firstRun(3)].reverse()
const events = rest.reverse()

// In a process of its own, and first: what listr2 loads on demand is loaded only once.
test.serial('a run that is over while its display is still being loaded ends all the same', async (t) => {
  const { ui, text } = onTty()
  for (const event of events) ui.emit(event)
  await import('listr2')
  ui.emit(summary as RunEvent)
  await ui.close()
  t.true(text().endsWith('3 hosts · 21 changes made · 57 resources right · 3 waits met · 41 s\n'))
})

test.serial('a run that is over at once never shows its display', async (t) => {
  const { ui, text } = onTty()
  for (const event of firstRun(3)) ui.emit(event)
  await ui.close()
  t.false(text().includes('\u001b'))
  t.true(text().endsWith('3 hosts · 21 changes made · 57 resources right · 3 waits met · 41 s\n'))
})

test.serial('what is told while the display is there is held back, and comes in order', async (t) => {
  const { ui, text, stderr } = onTty()
  for (const event of events) ui.emit(event)
  const before = text().length
  ui.emit({ event: 'error', error: { message: 'the gate of docker did not open' } })
  ui.emit(summary as RunEvent)
  t.is(text().slice(before), '')
  await ui.close()
  t.regex(text().slice(before), /^\nhost +changed.*\n\n3 hosts · 21 changes made/s)
  t.is(stderr(), '\nthe gate of docker did not open\n')
})
