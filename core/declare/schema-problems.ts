import { z } from 'zod'
import { didYouMean } from '../nearest.ts'
import type { YamlPath } from './yaml-places.ts'

/** One thing that a schema found wrong, with the path of the value or key that is wrong. */
export type SchemaProblem = Readonly<{ path: YamlPath; key: boolean; message: string }>

/** Checks a value and says everything that is wrong with it; unknown keys come with the nearest valid one. */
export const checkSchema = <T>(
  schema: z.ZodType<T>,
  value: unknown,
): { data: T; problems: readonly [] } | { data: undefined; problems: readonly SchemaProblem[] } => {
  const result = schema.safeParse(value)
  if (result.success) return { data: result.data, problems: [] }
  return { data: undefined, problems: result.error.issues.flatMap((issue) => problemsOf(schema, issue)) }
}

const problemsOf = (schema: z.ZodType, issue: z.core.$ZodIssue): SchemaProblem[] => {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))
  if (issue.code === 'unrecognized_keys') {
    const valid = keysAt(schema, path)
    return issue.keys.map((name) => ({
      path: [...path, name],
      key: true,
      message: `unknown key "${name}"${didYouMean(name, valid)}`,
    }))
  }
  const last = path.at(-1)
  const name = typeof last === 'number' ? `${path.at(-2) ?? ''}[${last}]` : last
  const nested = issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined
  const message = `${name === undefined ? '' : `${name}: `}${nested ?? issue.message}`
  return [{ path, key: issue.code === 'invalid_key', message }]
}

/** The keys that an object schema knows at a path; empty where any key may stand. */
export const keysAt = (schema: z.ZodType, path: YamlPath): readonly string[] => {
  const here = bare(schema)
  const [first, ...rest] = path
  if (first === undefined) return here instanceof z.ZodObject ? Object.keys(here.shape) : []
  if (here instanceof z.ZodObject) {
    const next = here.shape[String(first)] as z.ZodType | undefined
    return next === undefined ? [] : keysAt(next, rest)
  }
  if (here instanceof z.ZodRecord) return keysAt(here.valueType as z.ZodType, rest)
  if (here instanceof z.ZodArray) return keysAt(here.element as z.ZodType, rest)
  return []
}

const bare = (schema: z.ZodType): z.ZodType => {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return bare(schema.unwrap() as z.ZodType)
  return schema
}
