import { parseArgs } from 'node:util'
import { didYouMean } from '../nearest.ts'
import type { Flags } from './flags.ts'
import { safeLine } from './safe.ts'

/** Values per flag; a flag without one has an empty list. */
export type Given = ReadonlyMap<string, readonly string[]>

/** Reads arguments into values per flag; says everything that is wrong with them. */
export const readArguments = (
  argv: readonly string[],
  flags: Flags,
  { playbook, positionals: named }: Readonly<{ playbook: string; positionals?: string }>,
): { given: Given; positionals: readonly string[]; problems: string[] } => {
  const options = Object.fromEntries(Object.entries(flags).map(([name, { type }]) => [name, { type }]))
  const { tokens } = parseArgs({
    args: [...argv],
    options: { ...options, help: { type: 'boolean', short: 'h' } },
    // Its own messages know no nearest flag, so it only cuts the arguments into tokens.
    strict: false,
    tokens: true,
  })
  const given = new Map<string, readonly string[]>()
  const positionals: string[] = []
  const problems: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const values = given.get(token.name)
    const added = valuesOf(token, flags, values !== undefined)
    if (typeof added === 'string') problems.push(added)
    else given.set(token.name, [...(values ?? []), ...added])
  }
  // After an unknown flag, an argument may have been its value.
  if (named === undefined && positionals.length > 0 && problems.length === 0) {
    const words = positionals.map(safeLine)
    problems.push(`${playbook} takes no arguments: ${words.join(' ')} (did you mean --limit ${words.join(',')}?)`)
  }
  return { given, positionals, problems }
}

type OptionToken = Readonly<{
  name: string
  rawName: string
  value?: string | undefined
  inlineValue?: boolean | undefined
}>

// The values that one token gives a flag, or what is wrong with it.
const valuesOf = (token: OptionToken, flags: Flags, again: boolean): readonly string[] | string => {
  const { name, value, inlineValue } = token
  const raw = safeLine(token.rawName)
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined
  if (flag === undefined)
    return `unknown flag ${raw}${didYouMean(
      raw,
      Object.keys(flags).map((each) => `--${each}`),
    )}`
  if (flag.type === 'boolean') return value === undefined ? [] : `${raw} takes no value`
  // `--limit --check`: the next flag was hardly meant as the value; `--limit=--check` says that it was.
  if (value === undefined || (!inlineValue && value.startsWith('-')))
    return `${raw} needs a value: ${raw} ${flag.value ?? 'VALUE'}`
  if (again && !flag.repeatable) return `${raw} was given twice`
  const values = flag.list ? value.split(',').map((each) => each.trim()) : [value]
  // An empty name must not come to mean "all", as it would in --limit "$UNSET".
  return values.includes('') ? `${raw} was given an empty value` : values
}
