import { appendFileSync, chmodSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Emit, RunEvent } from './events.ts'
import { jsonLine } from './json-line.ts'

/** Records that are kept, this run's among them. */
const KEPT = 50

/**
 * Writes the events of a run to `<directory>/<run>.ndjson` (0600), from the moment on at which it planned or applied
 * something: a run that finds everything right leaves none. What cannot be written is told to `warn`, once.
 */
export const createRunRecord = (directory: string, warn: Emit): Emit => {
  let pending: string[] = []
  let file = ''
  let worth = false
  let broken = false
  return (event) => {
    if (event.event === 'start') [pending, file, worth] = [[], join(directory, fileName(event.run)), false]
    pending.push(jsonLine(event))
    worth ||= isWorthKeeping(event)
    if (!worth || broken || file === '') return
    try {
      if (pending.length > 1) prepare(directory, file)
      // Synchronous, so that the record of a run that is killed is whole up to there.
      appendFileSync(file, pending.join(''), { mode: 0o600 })
      pending = []
    } catch (error) {
      broken = true
      const reason = error instanceof Error ? error.message : String(error)
      warn({ event: 'warning', message: `this run is not recorded: ${reason}`, hint: `look at ${directory}` })
    }
  }
}

const isWorthKeeping = (event: RunEvent): boolean =>
  event.event === 'applying' || (event.event === 'plan' && Object.values(event.hosts).some((all) => all.length > 0))

// Run ids are ours, but they name a file here.
const fileName = (run: string): string => `${run.replaceAll(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '_')}.ndjson`

const prepare = (directory: string, file: string): void => {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  chmodSync(directory, 0o700)
  const others = readdirSync(directory)
    .filter((name) => name.endsWith('.ndjson'))
    .map((name) => join(directory, name))
    .filter((path) => path !== file)
    .map((path) => ({ path, written: statSync(path).mtimeMs }))
    .sort((a, b) => b.written - a.written)
  for (const { path } of others.slice(KEPT - 1)) rmSync(path, { force: true })
}
