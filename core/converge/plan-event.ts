import { type Change, describe } from '../declare/resource.ts'
import { changeEvent } from '../terminal/change-event.ts'
import type { PlannedEvent } from '../terminal/events.ts'
import type { Planned } from './plan.ts'

/** A planned change as people and programs read it. */
export const plannedEvent = ({ role, resource, kind, changes }: Planned, play: string): PlannedEvent => ({
  play,
  role,
  resource: describe(resource),
  at: resource.at,
  kind,
  changes: changes.map((change) =>
    changeEvent(resource.type.sensitive?.(resource.want) ? withoutDiff(change) : change),
  ),
})

const withoutDiff = ({ property, from, to }: Change): Change => ({ property, from, to })
