import { createRequire } from 'node:module'
import type { ChangeEvent } from './events.ts'

/** A change whose texts are still whole; a `Change` of a resource type is one. */
type WholeChange = Readonly<{
  property: string
  from: string
  to: string
  diff?: Readonly<{ from: string; to: string }>
}>

/** Bytes (of UTF-16) of either text above which a diff is not made. */
const LARGEST = 256 * 1024
/** Milliseconds that one diff may take. */
const PATIENCE = 1000

/** Characters of one value above which it is cut: it may be a host's, which says what it likes. */
const LONGEST_VALUE = 4000

/** A change as the events tell it: with a unified diff in place of the two texts. */
export const changeEvent = ({ property, from, to, diff }: WholeChange): ChangeEvent =>
  Object.freeze({ property, from: cut(from), to: cut(to), ...(diff && { diff: unifiedDiff(diff.from, diff.to) }) })

const cut = (text: string): string =>
  text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}… (${text.length} characters)`

/** A unified diff with three lines of context and without the two header lines; one `@@` line where there can be none. */
export const unifiedDiff = (from: string, to: string): string => {
  if (from.includes('\0') || to.includes('\0')) return '@@ binary contents differ @@'
  if (Math.max(from.length, to.length) > LARGEST) return '@@ too large to show @@'
  // Loaded on demand: a run that changes nothing needs none.
  const { structuredPatch, formatPatch, OMIT_HEADERS } = require('diff') as typeof import('diff')
  const patch = structuredPatch('', '', from, to, '', '', { context: 3, timeout: PATIENCE })
  return patch === undefined ? '@@ too different to compare @@' : formatPatch(patch, OMIT_HEADERS).replace(/\n$/, '')
}

const require = createRequire(import.meta.url)
