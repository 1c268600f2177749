import { z } from 'zod'
import type { Role } from './role.ts'

type JsonSchema = { type?: string; description?: string; default?: unknown; properties?: Record<string, JsonSchema> }

/** The vars of a role as a Markdown table, from its schema. */
export const varsTable = ({ vars }: Role): string => {
  const schema = z.toJSONSchema(vars, { io: 'input' }) as JsonSchema
  const rows = Object.entries(schema.properties ?? {}).map(
    ([name, { type = 'any', description = '', default: preset }]) =>
      `| \`${name}\` | ${type} | ${preset === undefined ? '' : `\`${JSON.stringify(preset)}\``} | ${description} |`,
  )
  return ['| var | type | default | |', '|---|---|---|---|', ...rows].join('\n')
}

/** A page with the table put between its two marks. @throws Error when they are not there. */
export const withVarsTable = (page: string, role: Role): string => {
  const marks = /(<!-- vars: made by npm run schema -->\n)[\s\S]*?(<!-- end -->)/
  if (!marks.test(page)) throw new Error(`docs/roles/${role.name}.md lacks the marks of the vars table`)
  return page.replace(marks, (_, begin: string, end: string) => `${begin}${varsTable(role)}\n${end}`)
}
