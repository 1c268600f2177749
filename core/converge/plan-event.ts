import { type Change, describe } from '../declare/resource.ts'
import { changeEvent } from '../terminal/change-event.ts'
import type { ForeignEvent, PlannedEvent } from '../terminal/events.ts'
import type { Foreign, Planned } from './plan.ts'

/** A planned change as people and programs read it. */
export const plannedEvent = (planned: Planned, play: string): PlannedEvent => ({
  ...foreignEvent(planned, play),
  kind: planned.kind,
})

/** What others changed, as people and programs read it. */
export const foreignEvent = ({ role, resource, changes }: Foreign, play: string): ForeignEvent => ({
  play,
  role,
  resource: describe(resource),
  at: resource.at,
  changes: changes.map((change) =>
    changeEvent(resource.type.sensitive?.(resource.want) ? withoutDiff(change) : change),
  ),
})

const withoutDiff = ({ property, from, to }: Change): Change => ({ property, from, to })
