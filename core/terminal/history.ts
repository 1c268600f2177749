import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { PlannedEvent, RunEvent } from './events.ts'
import { safeLine } from './safe.ts'
import { count, duration } from './text.ts'

/** One recorded run. A record of a run that was killed has no `exit`. */
export type RecordedRun = Readonly<{
  run: string
  /** ISO 8601. */
  time: string
  playbook: string
  check: boolean
  hosts: readonly string[]
  exit: number | undefined
  seconds: number | undefined
  /** What was applied, each as it was planned. */
  applied: readonly Readonly<{ host: string; time: string; ok: boolean; planned: PlannedEvent }>[]
  errors: readonly string[]
  /** Lines of the record that are no events: it was cut off or edited. */
  unreadable: number
}>

type Timed = RunEvent & Readonly<{ time?: string }>

/** The runs that were recorded in a directory, the newest first; none where it does not exist. */
export const readRuns = (directory: string): readonly RecordedRun[] => {
  let names: readonly string[]
  try {
    names = readdirSync(directory).filter((name) => name.endsWith('.ndjson'))
  } catch {
    return []
  }
  const runs = names.map((name) => parseRun(name.replace(/\.ndjson$/, ''), readText(join(directory, name))))
  return runs.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0))
}

// what is no file is a record of which nothing can be read
const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return 'unreadable'
  }
}

/** Understands one record, as far as it goes. */
export const parseRun = (run: string, text: string): RecordedRun => {
  const lines = text.split('\n').filter((line) => line !== '')
  const events = lines.flatMap(parseLine)
  const one = <Name extends RunEvent['event']>(name: Name) =>
    events.find((event): event is Extract<Timed, { event: Name }> => event.event === name)
  const start = one('start')
  const plan = one('plan')
  const summary = one('summary')
  return {
    run,
    time: start?.time ?? '',
    playbook: start?.playbook ?? '?',
    check: start?.check ?? false,
    hosts: start?.hosts ?? [],
    exit: summary?.exit,
    seconds: summary?.seconds,
    applied: events.flatMap((event) => appliedBy(event, plan?.hosts ?? {})),
    errors: events.flatMap((event) => (event.event === 'error' ? [event.error.message] : [])),
    unreadable: lines.length - events.length,
  }
}

const text = z.string()
const changes = z.array(z.looseObject({ property: text, from: text, to: text }))
const planned = z.looseObject({ role: text, resource: text, at: text, changes })

/** Of the events that are shown here, what is shown of them. */
const shapes: Readonly<Record<string, z.ZodType>> = {
  start: z.looseObject({ time: text.optional(), playbook: text, check: z.boolean(), hosts: z.array(text) }),
  plan: z.looseObject({ hosts: z.record(text, z.array(planned)) }),
  applied: z.looseObject({ time: text.optional(), host: text, role: text, resource: text, ok: z.boolean() }),
  error: z.looseObject({ error: z.looseObject({ message: text }) }),
  summary: z.looseObject({ exit: z.number(), seconds: z.number() }),
}

const parseLine = (line: string): Timed[] => {
  try {
    const event: unknown = JSON.parse(line)
    if (typeof event !== 'object' || event === null || !('event' in event)) return []
    const shape = Object.hasOwn(shapes, String(event.event)) ? shapes[String(event.event)] : undefined
    return shape === undefined || shape.safeParse(event).success ? [event as Timed] : []
  } catch {
    return []
  }
}

const appliedBy = (event: Timed, plan: Readonly<Record<string, readonly PlannedEvent[]>>): RecordedRun['applied'] => {
  if (event.event !== 'applied' || event.kind !== 'change') return []
  const { host, play, role, resource, ok, time = '' } = event
  const known = plan[host]?.find((one) => one.resource === resource)
  return [{ host, time, ok, planned: known ?? { play, role, resource, at: '', kind: 'provisional', changes: [] } }]
}

/** A line a run, the newest first. */
export const runLines = (runs: readonly RecordedRun[]): readonly string[] =>
  runs.map((run) => {
    const made = run.applied.filter(({ ok }) => ok).length
    const what = run.check ? 'looked' : made === 0 ? 'changed nothing' : count(made, 'change')
    const end = run.exit === undefined ? 'was cut off' : `exit ${run.exit}, ${duration(run.seconds ?? 0)}`
    const why = run.errors[0] === undefined ? '' : ` · ${safeLine(run.errors[0])}`
    return `${run.run}  ${safeLine(run.playbook)}  ${count(run.hosts.length, 'host')}  ${what}  ${end}${why}`
  })

/** Every change of one run, with what it was and the source line that asked for it. */
export const changeLines = (run: RecordedRun): readonly string[] => run.applied.flatMap((one) => whole(run, one))

/** Why something is as it is: the changes of resources that name this path (or unit, package, …), the newest first. */
export const whyLines = (runs: readonly RecordedRun[], name: string): readonly string[] =>
  runs.flatMap((run) =>
    run.applied.filter(({ planned }) => isAbout(planned.resource, name)).flatMap((one) => whole(run, one)),
  )

// `file /etc/hosts`, and `block /etc/hosts#cluster` which is a part of it
const isAbout = (resource: string, name: string): boolean => {
  const id = resource.slice(resource.indexOf(' ') + 1)
  return resource === name || id === name || id.startsWith(`${name}#`)
}

const whole = (run: RecordedRun, { host, time, ok, planned }: RecordedRun['applied'][number]): readonly string[] => {
  const place = planned.at === '' ? '' : `  (${planned.at})`
  const head = `${time}  ${safeLine(`${host} › ${planned.role} › ${planned.resource}`)}${ok ? '' : '  failed'}${place}  run ${run.run}`
  return [head, ...planned.changes.map(({ property, from, to }) => `    ${safeLine(`${property}: ${from} → ${to}`)}`)]
}
