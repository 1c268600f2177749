import { createTwoFilesPatch } from 'diff'
import { type Change, describe } from '../declare/resource.ts'
import type { ChangeEvent, PlannedEvent } from '../terminal/events.ts'
import type { Planned } from './plan.ts'

/** A planned change as people and programs read it. */
export const plannedEvent = ({ role, resource, kind, changes }: Planned, play: string): PlannedEvent => ({
  play,
  role,
  resource: describe(resource),
  at: resource.at,
  kind,
  changes: changes.map(changeEvent),
})

const changeEvent = ({ property, from, to, diff }: Change): ChangeEvent => ({
  property,
  from,
  to,
  ...(diff === undefined ? {} : { diff: unified(diff.from, diff.to) }),
})

// The header names files; the plan says already which file it is.
const unified = (from: string, to: string): string =>
  createTwoFilesPatch('', '', from, to, undefined, undefined, { context: 3 }).split('\n').slice(3).join('\n')
