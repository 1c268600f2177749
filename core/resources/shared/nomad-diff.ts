import type { Change } from '../../declare/resource.ts'

type FieldDiff = Readonly<{ Type: string; Name: string; Old: string; New: string }>

/** Any part of Nomad's diff: a job, a group, a task, or a block of one. */
type PartDiff = Readonly<{
  Type: string
  Name?: string
  Fields?: readonly FieldDiff[] | null
  Objects?: readonly PartDiff[] | null
  Tasks?: readonly PartDiff[] | null
}>

/** How Nomad says that two versions of a job differ. Source: nomad/structs/diff.go */
export type JobDiff = PartDiff & Readonly<{ TaskGroups?: readonly PartDiff[] | null }>

const LONGEST = 200

/** What differs, one change a field, such as `crate.update.MaxParallel: 1 → 2`. */
export const jobChanges = (diff: JobDiff): readonly Change[] => {
  if (diff.Type === 'None') return []
  if (diff.Type === 'Added') return [{ property: 'job', from: 'absent', to: 'submitted' }]
  const changes = [...partChanges('', diff), ...(diff.TaskGroups ?? []).flatMap((part) => partChanges('', part, true))]
  return changes.length > 0 ? changes : [{ property: 'job', from: 'differs', to: 'as declared' }]
}

const partChanges = (at: string, part: PartDiff, named = at !== ''): readonly Change[] => {
  if (part.Type === 'None') return []
  const here = named ? `${at}${part.Name ?? ''}.` : at
  const fields = (part.Fields ?? []).filter(({ Type }) => Type !== 'None')
  return [
    ...fields.map(({ Name, Old, New }) => ({ property: `${here}${Name}`, from: show(Old), to: show(New) })),
    ...(part.Objects ?? []).flatMap((inner) => partChanges(here, inner, true)),
    ...(part.Tasks ?? []).flatMap((inner) => partChanges(here, inner, true)),
  ]
}

const show = (value: string): string =>
  value === '' ? '(none)' : value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value
