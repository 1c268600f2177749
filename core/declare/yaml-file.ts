import type { z } from 'zod'
import { CaravanError } from '../errors.ts'
import { checkSchema } from './schema-problems.ts'
import { parsePlacedYaml } from './yaml-places.ts'

/**
 * A YAML text as a schema describes it. `file` is for messages.
 * @throws CaravanError with every problem at once, each as `file:line:column: what`.
 */
export const parseYamlFile = <T>(text: string, file: string, schema: z.ZodType<T>, hint: string): T => {
  const yaml = parsePlacedYaml(text, file)
  if (yaml.problems.length > 0) throw new CaravanError(yaml.problems.join('\n'), { hint })
  const { data, problems } = checkSchema(schema, yaml.value)
  if (data !== undefined) return data
  const lines = problems.map(
    ({ path, key, message }) => `${key ? yaml.placeOfKey(path) : yaml.placeOf(path)}: ${message}`,
  )
  throw new CaravanError(lines.join('\n').replaceAll('\r', ' '), { hint })
}
