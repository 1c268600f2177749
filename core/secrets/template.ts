import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ejs from 'ejs'
import { DeclarationError } from '../errors.ts'
import { escaperFor } from './escape.ts'

const root = fileURLToPath(new URL('../../templates/', import.meta.url))

/**
 * Renders `templates/<name>`. The extension before `.ejs` picks how `<%= %>` writes a value (`core/secrets/escape.ts`).
 * @throws DeclarationError when the template is missing or uses a value that is undefined or cannot be written safely.
 */
export const template = (name: string, data: Readonly<Record<string, unknown>> = {}): string => {
  const file = `${root}${name}`
  const escape = escaperFor(name)
  try {
    return ejs.render(
      readFileSync(file, 'utf8'),
      { ...data },
      { filename: file, escape, strict: true, localsName: 'it' },
    )
  } catch (error) {
    const reason = error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error)
    throw new DeclarationError(`template ${name}: ${reason}`, { at: `templates/${name}` })
  }
}
