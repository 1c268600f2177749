import { z } from 'zod'
import { inventorySchema } from './inventory-schema.ts'
import type { Role } from './role.ts'

/** A JSON Schema of `inventory.yaml` for editors, with the vars of these roles; made from what checks the inventory. */
export const inventoryJsonSchema = (roles: readonly Role[]): Record<string, unknown> => {
  const schema = toJson(inventorySchema) as { properties: Record<string, Properties> }
  const vars = varsSchema(roles)
  schema.properties.vars = { ...schema.properties.vars, ...vars }
  for (const holder of varHolders(schema.properties)) holder.vars = { ...holder.vars, ...vars }
  return { title: 'Inventory of Caravan', ...schema }
}

type Properties = Record<string, unknown>

// `input`: what a person may leave out is not required.
const toJson = (schema: z.ZodType): Record<string, unknown> => z.toJSONSchema(schema, { io: 'input' })

const varsSchema = (roles: readonly Role[]): Properties => ({
  type: 'object',
  additionalProperties: { type: 'object' },
  properties: Object.fromEntries(roles.map(({ name, vars }) => [name, withoutMeta(toJson(vars))])),
})

const withoutMeta = ({ $schema: _, ...schema }: Record<string, unknown>): Properties => schema

// Hosts and groups have vars too: every `properties` below them that knows the key.
const varHolders = (value: unknown): Record<string, Properties>[] => {
  if (value === null || typeof value !== 'object') return []
  const inner = Object.values(value).flatMap(varHolders)
  const properties = (value as { properties?: Record<string, Properties> }).properties
  return properties?.vars === undefined ? inner : [properties, ...inner]
}
