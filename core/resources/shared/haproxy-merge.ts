import { diff3Merge } from 'node-diff3'
import type { Change } from '../../declare/resource.ts'
import { type Config, keywordOf, type Section, textOf } from './haproxy-text.ts'

/** What both sides changed, each in its own way. */
export type Clash = Readonly<{ section: string; ours: readonly string[]; theirs: readonly string[] }>

// The lines of one keyword in one section: what is merged, and compared, by itself. The head is one as well.
type Units = ReadonlyMap<string, readonly string[]>
type Unit = Readonly<{ section: string; keyword: string }>

const HEAD = '(head)'
const keyOf = (section: string, keyword: string): string => JSON.stringify([section, keyword])
const unitOf = (key: string): Unit => {
  const [section = '', keyword = ''] = JSON.parse(key) as string[]
  return { section, keyword }
}

const unitsOf = (config: Config): Units => {
  const units = new Map<string, string[]>()
  for (const [name, { head, lines }] of config) {
    units.set(keyOf(name, HEAD), [head])
    for (const line of lines) {
      const key = keyOf(name, keywordOf(line))
      units.set(key, [...(units.get(key) ?? []), line])
    }
  }
  return units
}

const same = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((line, index) => line === other[index])

/** Whether two configurations say the same. */
export const sameConfig = (one: Config, other: Config): boolean => {
  const [left, right] = [unitsOf(one), unitsOf(other)]
  return left.size === right.size && [...left].every(([key, lines]) => same(lines, right.get(key) ?? []))
}

/**
 * Three-way merge: what either side changed since `base` is in the result. Where both changed the same keyword of one
 * section, each in its own way, and their lines touch, it is a clash.
 */
export const mergeConfigs = (base: Config, ours: Config, theirs: Config): Config | readonly Clash[] => {
  const [b, o, t] = [unitsOf(base), unitsOf(ours), unitsOf(theirs)]
  const merged = new Map<string, readonly string[]>()
  const clashes: Clash[] = []
  for (const key of new Set([...o.keys(), ...t.keys(), ...b.keys()])) {
    const [was = [], our = [], their = []] = [b.get(key), o.get(key), t.get(key)]
    const lines = mergeLines(was, our, their)
    if (lines === undefined) clashes.push({ section: unitOf(key).section, ours: our, theirs: their })
    else if (lines.length > 0) merged.set(key, lines)
  }
  for (const key of merged.keys()) {
    const { section } = unitOf(key)
    // one side took the section away, the other one went on with it
    if (!merged.has(keyOf(section, HEAD)) && !clashes.some((clash) => clash.section === section))
      clashes.push({ section, ours: linesIn(ours, section), theirs: linesIn(theirs, section) })
  }
  return clashes.length > 0 ? clashes : arrange(merged, ours, theirs)
}

const mergeLines = (
  base: readonly string[],
  ours: readonly string[],
  theirs: readonly string[],
): readonly string[] | undefined => {
  if (same(ours, theirs) || same(base, theirs)) return ours
  if (same(base, ours)) return theirs
  const regions = diff3Merge([...ours], [...base], [...theirs])
  return regions.some(({ conflict }) => conflict !== undefined) ? undefined : regions.flatMap(({ ok = [] }) => ok)
}

const linesIn = (config: Config, section: string): readonly string[] => {
  const found = config.get(section)
  return found === undefined ? [] : [found.head, ...found.lines]
}

// The order of ours, with what only they have after the line that it follows in theirs.
const arrange = (merged: Units, ours: Config, theirs: Config): Config => {
  const names = new Set([...merged.keys()].map((key) => unitOf(key).section))
  return new Map(
    [...names].map((name): [string, Section] => {
      const [head = ''] = merged.get(keyOf(name, HEAD)) ?? []
      const units = [...merged].filter(([key]) => unitOf(key).section === name && unitOf(key).keyword !== HEAD)
      const wanted = units.flatMap(([, lines]) => lines)
      const lines = interleave(wanted, ours.get(name)?.lines ?? [], theirs.get(name)?.lines ?? [])
      const kept = units.every(([key, unit]) =>
        same(
          unit,
          lines.filter((line) => keywordOf(line) === unitOf(key).keyword),
        ),
      )
      return [name, { head, lines: kept ? lines : wanted }]
    }),
  )
}

const interleave = (wanted: readonly string[], ours: readonly string[], theirs: readonly string[]): string[] => {
  const left = [...wanted]
  const take = (line: string): boolean => {
    const index = left.indexOf(line)
    if (index >= 0) left.splice(index, 1)
    return index >= 0
  }
  const lines = ours.filter(take)
  let at = 0
  for (const line of theirs) {
    const index = lines.indexOf(line)
    if (take(line)) lines.splice(at++, 0, line)
    else if (index >= 0) at = index + 1
  }
  return lines
}

/** What differs, a change for each section; `shown` takes out what is not to be seen. */
export const configChanges = (from: Config, to: Config, shown: (text: string) => string): readonly Change[] =>
  [...new Set([...from.keys(), ...to.keys()])].flatMap((name) => {
    const [before, after] = [from.get(name), to.get(name)]
    if (before !== undefined && after !== undefined && sameConfig(new Map([[name, before]]), new Map([[name, after]])))
      return []
    const [old, now] = [linesIn(from, name), linesIn(to, name)]
    const texts = [before, after].map((section) => (section === undefined ? '' : shown(textOf(section))))
    return [
      {
        property: name === '' ? 'comments' : name,
        from: before === undefined ? 'absent' : shown(without(old, now)),
        to: after === undefined ? 'absent' : before === undefined ? `${now.length} lines` : shown(without(now, old)),
        diff: { from: texts[0] ?? '', to: texts[1] ?? '' },
      },
    ]
  })

const without = (lines: readonly string[], others: readonly string[]): string => {
  const rest = [...others]
  const own = lines.filter((line) => {
    const index = rest.indexOf(line)
    if (index >= 0) rest.splice(index, 1)
    return index < 0
  })
  return own.length === 0 ? '-' : own.join('; ')
}
