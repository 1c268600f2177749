// Shows a run as a person sees it: `node test/terminal/replay.ts FILE|HOSTS [--speed N] [--ask] [--password] [flags of a playbook]`.
// FILE is a record or the output of --json; a number makes up a first run on so many hosts.
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { printError } from '../../core/terminal/errors.ts'
import type { RunEvent } from '../../core/terminal/events.ts'
import { createUi } from '../../core/terminal/ui.ts'
import { driftRun, firstRun, quietRun } from './recorded.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    speed: { type: 'string', default: '1' },
    ask: { type: 'boolean', default: false },
    password: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    diff: { type: 'boolean', default: false },
    record: { type: 'string' },
    kind: { type: 'string', default: 'first' },
    failing: { type: 'string' },
  },
})

const read = (source: string): readonly RunEvent[] => {
  if (/^\d+$/.test(source)) {
    if (values.kind === 'quiet') return quietRun(Number(source))
    return values.kind === 'drift' ? driftRun(Number(source)) : firstRun(Number(source), values.failing)
  }
  const lines = readFileSync(source, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
}

// As long as it took then, where the events tell; else some time for each kind, as if hosts worked side by side.
let hosts = 1
const pauseBefore = (event: RunEvent, last: RunEvent | undefined): number => {
  if (event.event === 'start') hosts = event.hosts.length
  const [now, before] = [event, last].map((each) =>
    each !== undefined && 'time' in each ? Date.parse(String(each.time)) : Number.NaN,
  )
  const recorded = (now ?? 0) - (before ?? 0)
  if (Number.isFinite(recorded)) return recorded
  return { plan: 1200, applied: 1000 / hosts, summary: 1500 }[event.event as string] ?? 30 / hosts
}

const { json, verbose, diff } = values
const ui = createUi({ json, verbose, diff, ...(values.record !== undefined && { recordDir: values.record }) })
try {
  if (values.password) console.log(`${(await ui.askPassword('sudo password of node-1')).length} characters`)
  let last: RunEvent | undefined
  for (const event of read(positionals[0] ?? '3')) {
    await setTimeout(pauseBefore(event, last) / Number(values.speed))
    ui.emit(event)
    last = event
    if (event.event !== 'plan' || !values.ask) continue
    if (await ui.confirm('Apply these changes?')) continue
    ui.emit({ event: 'summary', hosts: {}, exit: 1, seconds: 3 })
    process.exitCode = 1
    break
  }
} catch (error) {
  printError(error, { json, verbose })
  process.exitCode = 1
} finally {
  await ui.close()
}
