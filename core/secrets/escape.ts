import { DeclarationError } from '../errors.ts'

/** Writes one value into a syntax, or throws when it cannot be written safely. */
export type Escaper = (value: unknown) => string

/** The escaper for a template's name: the extension before `.ejs`. Source: systemd.syntax(7), systemd.unit(5). */
export const escaperFor = (name: string): Escaper => {
  const extension = /\.([a-z]+)\.ejs$/.exec(name)?.[1] ?? ''
  const escape = { service: unitValue, conf: plain }[extension]
  if (escape === undefined)
    throw new DeclarationError(`template ${name}: no way is known to write values into .${extension}`)
  return escape
}

const plain: Escaper = (value) => {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new DeclarationError(`cannot write ${typeof value} as text`)
  const text = String(value)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u001f\u007f]/.test(text)) throw new DeclarationError(`cannot write ${JSON.stringify(text)} on one line`)
  return text
}

// `%` begins a specifier and `$` a variable; quotes and backslashes would need to know where they stand.
const unitValue: Escaper = (value) => {
  const text = plain(value)
  if (/["'\\;]/.test(text)) throw new DeclarationError(`cannot write ${JSON.stringify(text)} into a unit`)
  return text.replaceAll('%', '%%').replaceAll('$', '$$$$')
}
