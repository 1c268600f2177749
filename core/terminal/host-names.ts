import { safeLine } from './safe.ts'

/** Names that differ in one number only, with the ranges that the number takes. */
type Family = Readonly<{ before: string; after: string; ranges: [first: number, last: number][] }>

/** Above this many names, their numbers are folded. */
const FOLD_ABOVE = 6

/**
 * Host names for people: `node-1, node-2, node-3`, and `node-[1-8,10]` where they are many.
 * Source: the notation is that of ClusterShell's node sets.
 */
export const hostNames = (hosts: readonly string[]): string => {
  if (hosts.length <= FOLD_ABOVE) return hosts.map(safeLine).join(', ')
  const families: Family[] = []
  for (const host of hosts) {
    const next = familyOf(host)
    const last = families.at(-1)
    if (last !== undefined && sameFamily(last, next)) extend(last, next)
    else families.push(next)
  }
  return families.map(nameOf).map(safeLine).join(', ')
}

// The last number of a name counts; one with leading zeros is left alone, because `08` is not `8`.
const familyOf = (host: string): Family => {
  const match = /^(|.*\D)(0|[1-9]\d{0,8})(\D*)$/.exec(host)
  if (match === null) return { before: host, after: '', ranges: [] }
  const number = Number(match[2])
  return { before: match[1] ?? '', after: match[3] ?? '', ranges: [[number, number]] }
}

const sameFamily = (one: Family, other: Family): boolean =>
  one.before === other.before && one.after === other.after && one.ranges.length > 0 && other.ranges.length > 0

const extend = ({ ranges }: Family, next: Family): void => {
  const last = ranges.at(-1)
  for (const range of next.ranges) {
    if (last !== undefined && range[0] === last[1] + 1) last[1] = range[1]
    else ranges.push(range)
  }
}

const nameOf = ({ before, after, ranges }: Family): string => {
  const texts = ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`))
  const alone = ranges.length === 1 && !texts[0]?.includes('-')
  return before + (alone ? texts[0] : ranges.length === 0 ? '' : `[${texts.join(',')}]`) + after
}
