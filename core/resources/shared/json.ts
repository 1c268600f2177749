import { isDeepStrictEqual } from 'node:util'
import type { Change } from '../../declare/resource.ts'

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json }

// TypeScript does not know these yet. Source: https://tc39.es/proposal-json-parse-with-source/
type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown
const json = JSON as unknown as {
  parse: (text: string, reviver: Reviver) => unknown
  rawJSON: (text: string) => unknown
  isRawJSON: (value: unknown) => boolean
}

/** Parses, but keeps each number as it is written where a JavaScript number could not: others own it. */
export const parseExactly = (text: string): Json =>
  json.parse(text, (_, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? json.rawJSON(source) : value,
  ) as Json

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !json.isRawJSON(value)

/** The target with the patch in it: objects are merged, all else is replaced, and null removes. Source: RFC 7396. */
export const mergePatch = (target: Json | undefined, patch: Json): Json => {
  if (!isObject(patch)) return patch
  const base = isObject(target) ? target : {}
  const keys = [...new Set([...Object.keys(base), ...Object.keys(patch)])].filter((key) => own(patch, key) !== null)
  return Object.fromEntries(
    keys.map((key) => [key, Object.hasOwn(patch, key) ? mergePatch(own(base, key), patch[key] as Json) : base[key]]),
  ) as Json
}

/** One patch that does what both do, or undefined where they contradict each other. */
export const unitePatches = (one: Json, other: Json): Json | undefined => {
  if (!isObject(one) || !isObject(other)) return isDeepStrictEqual(one, other) ? one : undefined
  const entries: [string, Json][] = []
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const [first, second] = [own(one, key), own(other, key)]
    const both = first === undefined ? second : second === undefined ? first : unitePatches(first, second)
    if (both === undefined) return undefined
    entries.push([key, both])
  }
  return Object.fromEntries(entries)
}

/** What the patch would change, leaf by leaf: `log-opts.max-size: (absent) → "50m"`. */
export const patchChanges = (patch: JsonObject, have: JsonObject, at = ''): readonly Change[] =>
  Object.entries(patch).flatMap(([key, want]) => {
    const now = own(have, key)
    const property = `${at}${/^[^.\s"]+$/.test(key) ? key : JSON.stringify(key)}`
    if (isObject(want) && (isObject(now) || now === undefined)) {
      const inner = patchChanges(want, now ?? {}, `${property}.`)
      if (now !== undefined || inner.length > 0) return inner
    }
    const to = want === null ? undefined : mergePatch(undefined, want)
    return isDeepStrictEqual(now, to) ? [] : [{ property, from: show(now), to: show(to) }]
  })

const own = (object: JsonObject, key: string): Json | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined

const show = (value: Json | undefined): string => (value === undefined ? '(absent)' : JSON.stringify(value))
