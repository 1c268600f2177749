import { isPlainObject } from './secret.ts'
import { decimal, type Escaper, endsInQuotes, lineOf, type Place, Refusal } from './syntax.ts'

/** A syntax in which a value is written whole, with quotes and all, so that it must stand where a value may stand. */
type Dialect = Readonly<{
  /** The line up to the value, and from it on. */
  before: RegExp
  after: RegExp
  quotes: string
  comment: RegExp
  string: (text: string) => string
  key: (text: string) => string
  /** What is between a key and its value. */
  is: string
  /** How null is written, where it can be. */
  nothing?: string
}>

const literal =
  (dialect: Dialect): Escaper =>
  (value, place) => {
    checkPlace(dialect, lineOf(place))
    return write(value, dialect)
  }

const checkPlace = ({ comment, before, after, quotes }: Dialect, line: Place): void => {
  if (comment.test(line.before)) return
  if (endsInQuotes(line.before, quotes) || /^["']/.test(line.after))
    throw new Refusal('inside quotes: the value comes with its own')
  if (!before.test(line.before) || !after.test(line.after))
    throw new Refusal('as a part of something: the whole value must be one <%= %>')
}

const write = (value: unknown, dialect: Dialect): string => {
  if (typeof value === 'string') return dialect.string(value)
  if (typeof value === 'number') return decimal(value)
  if (typeof value === 'boolean') return String(value)
  if (value === null && dialect.nothing !== undefined) return dialect.nothing
  if (Array.isArray(value)) return `[${value.map((item) => write(item, dialect)).join(', ')}]`
  if (!isPlainObject(value)) throw new Refusal('as a value')
  const pairs = Object.entries(value).map(([key, inner]) => `${dialect.key(key)}${dialect.is}${write(inner, dialect)}`)
  return `{${pairs.join(', ')}}`
}

// What has no shape (controls, formats, other spaces, private and unassigned ones) is written as its number.
const SHAPELESS = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu
const SHORT: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const numbered = (char: string): string => {
  const code = (char.codePointAt(0) ?? 0).toString(16)
  return code.length > 4 ? `\\U${code.padStart(8, '0')}` : `\\u${code.padStart(4, '0')}`
}

const quoted = (text: string): string => {
  if (!text.isWellFormed()) throw new Refusal('as text: it is not valid Unicode')
  return `"${text.replaceAll(SHAPELESS, (char) => SHORT[char] ?? numbered(char))}"`
}

// `${` and `%{` begin a template in HCL 2. `$${` would stand for it there but not in HCL 1, which Nomad's and Consul's
// agents read; both read `$\u007b`. HCL 2 composes the characters of every string.
const hclString = (text: string): string => {
  if (text !== text.normalize('NFC')) throw new Refusal('in HCL: it is not in Unicode normal form C')
  return quoted(text).replaceAll(/(?<=[$%])\{/g, '\\u007b')
}

/**
 * Source: https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md, "Template Literals", and the scanner and
 * strconv of github.com/hashicorp/hcl v1.
 */
export const hcl = literal({
  before: /(^|[=:,[{(])\s*$|^\s*[\w-]+(\s+"([^"\\]|\\.)*")*\s+$/,
  after: /^\s*($|[,\]}):={#]|\/\/)|^\s+["\ufffc]/,
  quotes: '"',
  comment: /^\s*(#|\/\/)/,
  string: hclString,
  key: hclString,
  is: ' = ',
})

// A longer key cannot be a simple one. Source: https://yaml.org/spec/1.2.2/#742-flow-mappings
const LONGEST_KEY = 1000

const yamlKey = (text: string): string => {
  const key = quoted(text)
  if (key.length > LONGEST_KEY) throw new Refusal('in YAML: a key is too long')
  return key
}

/** Source: https://yaml.org/spec/1.2.2/#57-escaped-characters, #731-double-quoted-style */
export const yaml = literal({
  before: /^\s*(-\s+)*$|(:\s|[[{])\s*$|[[{].*,\s*$/,
  after: /^\s*($|[,\]}])|^:(\s|$)|^\s+#/,
  quotes: '"\'',
  comment: /^\s*#/,
  string: quoted,
  key: yamlKey,
  is: ': ',
  nothing: 'null',
})

const jsonString = (text: string): string => {
  if (!text.isWellFormed()) throw new Refusal('as text: it is not valid Unicode')
  return JSON.stringify(text)
}

/** Source: RFC 8259 */
export const json = literal({
  before: /(^|[:,[{])\s*$/,
  after: /^\s*($|[,\]}:])/,
  quotes: '"',
  // JSON has none
  comment: /(?!)/,
  string: jsonString,
  key: jsonString,
  is: ': ',
  nothing: 'null',
})
