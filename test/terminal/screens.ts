import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import type { ExecutionContext } from 'ava'
import type { RunEvent } from '../../core/terminal/events.ts'
import { createUi, type Ui, type UiOptions } from '../../core/terminal/ui.ts'

/** A stream that keeps what is written to it. */
export const captured = (): { stream: NodeJS.WriteStream; text: () => string } => {
  let text = ''
  const stream = new Writable({
    write: (piece, _encoding, done) => {
      text += piece
      done()
    },
  })
  return { stream: stream as NodeJS.WriteStream, text: () => text }
}

/** A ui on captured streams, without a terminal unless `options` say otherwise. */
export const capturedUi = (
  options: Partial<UiOptions> = {},
): { ui: Ui; stdout: () => string; stderr: () => string } => {
  const [stdout, stderr] = [captured(), captured()]
  const ui = createUi({
    json: false,
    verbose: false,
    diff: false,
    isTTY: false,
    columns: 80,
    env: {},
    stdin: { isTTY: false } as NodeJS.ReadStream,
    stdout: stdout.stream,
    stderr: stderr.stream,
    ...options,
  })
  return { ui, stdout: stdout.text, stderr: stderr.text }
}

/** What a run prints: all of stdout, then stderr below a line of its own when there is any. */
export const rendered = async (events: readonly RunEvent[], options: Partial<UiOptions> = {}): Promise<string> => {
  const { ui, stdout, stderr } = capturedUi(options)
  for (const event of events) ui.emit(event)
  await ui.close()
  return stderr() === '' ? stdout() : `${stdout()}--- stderr ---\n${stderr()}`
}

const screens = new URL('screens/', import.meta.url)

/** Compares a screen with test/terminal/screens/NAME.txt; `UPDATE_SCREENS=1` writes it, to be read before a commit. */
export const looksLike = (t: ExecutionContext, name: string, screen: string): void => {
  const file = new URL(`${name}.txt`, screens)
  if (process.env.UPDATE_SCREENS === '1') {
    mkdirSync(screens, { recursive: true })
    writeFileSync(file, screen)
  }
  t.is(screen, readFileSync(file, 'utf8'))
}
