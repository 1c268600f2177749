import type { RunEvent } from './events.ts'
import { safeJson } from './safe.ts'

/** An event as a line of `--json` and of a record: with the time at which it came, in UTC. */
export const jsonLine = (event: RunEvent, time = new Date()): string =>
  `${safeJson({ ...event, time: time.toISOString() })}\n`
