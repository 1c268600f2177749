import { z } from 'zod'
import type { RunEvent } from '../../core/terminal/events.ts'

// Strict, so that a field that docs/events.md does not tell of is found.
const change = z.strictObject({ property: z.string(), from: z.string(), to: z.string(), diff: z.string().optional() })
const place = { host: z.string(), play: z.string(), role: z.string(), resource: z.string() }
const phase = z.enum(['connect', 'facts', 'probe', 'verify'])
const seconds = z.number().nonnegative()
const names = z.array(z.string())
const whole = z.int().nonnegative()

const foreign = z.strictObject({
  play: z.string(),
  role: z.string(),
  resource: z.string(),
  at: z.string(),
  changes: z.array(change),
})
const planned = foreign.extend({ kind: z.enum(['firm', 'provisional', 'wait']) })

const host = z.strictObject({
  changed: whole,
  unchanged: whole,
  failed: whole,
  roundTrips: whole,
  seconds: z.strictObject({ connect: seconds, probe: seconds, apply: seconds, wait: seconds }),
})

const error = z.strictObject({
  message: z.string(),
  host: z.string().optional(),
  role: z.string().optional(),
  resource: z.string().optional(),
  at: z.string().optional(),
  hint: z.string().optional(),
  detail: z.string().optional(),
})

const fields = {
  start: {
    version: z.literal(1),
    run: z.string(),
    playbook: z.string(),
    check: z.boolean(),
    hosts: names,
    roles: names,
  },
  phase: { host: z.string(), phase, play: z.string().optional() },
  phaseEnd: { host: z.string(), phase, seconds },
  warning: { host: z.string().optional(), message: z.string(), hint: z.string().optional() },
  plan: {
    hosts: z.record(z.string(), z.array(planned)),
    unchanged: z.record(z.string(), whole),
    foreign: z.record(z.string(), z.array(foreign)).optional(),
  },
  play: { play: z.string(), hosts: names },
  applying: { ...place, kind: z.enum(['change', 'wait']) },
  applied: { ...place, kind: z.enum(['change', 'wait']), ok: z.boolean(), seconds },
  error: { error },
  cluster: { cluster: z.string(), leader: z.string().optional(), inside: names, outside: names },
  summary: { hosts: z.record(z.string(), host), exit: z.union([z.literal(0), z.literal(1), z.literal(2)]), seconds },
} satisfies { [Name in RunEvent['event']]: Record<string, z.ZodType> }

/** The names of all events. */
export const eventNames = Object.keys(fields) as (keyof typeof fields)[]

/** The fields of an event, but for `event` and `time`. */
export const fieldsOf = (name: keyof typeof fields): readonly string[] => Object.keys(fields[name])

/** Checks one line of `--json` or of a record. @throws ZodError */
export const checkLine = (line: string): RunEvent => {
  const { event } = z.looseObject({ event: z.enum(eventNames) }).parse(JSON.parse(line))
  const schema = z.strictObject({ event: z.literal(event), time: z.iso.datetime({ precision: 3 }), ...fields[event] })
  return schema.parse(JSON.parse(line)) as unknown as RunEvent
}
