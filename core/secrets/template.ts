import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import ejs from 'ejs'
import { DeclarationError } from '../errors.ts'
import { escaperFor } from './escape.ts'
import { isSecret, revealed, Secret, secretsIn } from './secret.ts'
import { type Escaper, type Place, Refusal, VALUE } from './syntax.ts'

const root = fileURLToPath(new URL('../../templates/', import.meta.url))

/**
 * Renders `templates/<name>`. The extension before `.ejs` picks how `<%= %>` writes a value (`core/secrets/escape.ts`):
 * in `.hcl`, `.yaml` and `.json` whole, a string with its quotes; in `.cfg` and `Corefile` as a word; in `.service`,
 * `.timer`, `.mount` and `.socket` as its line wants it; in `.conf` and `.ini` as plain text. `<%- %>` writes text as it is.
 * With a secret anywhere in its data, the whole is a secret.
 * @throws DeclarationError when the template is missing or uses a value that is undefined or cannot be written safely.
 */
export const template = <const Data extends Readonly<Record<string, unknown>> = Record<never, never>>(
  name: string,
  data?: Data,
): Rendered<Data> => {
  return render(name, readTemplate(name), data ?? {}) as Rendered<Data>
}

/** Text, or a secret where the data holds one. */
export type Rendered<Data> =
  HoldsSecret<Data> extends infer Holds
    ? [Holds] extends [true]
      ? Secret
      : [Holds] extends [false]
        ? string
        : string | Secret
    : never

/** true, false, or boolean where it depends on the value. */
type HoldsSecret<T> = T extends Secret
  ? true
  : T extends readonly (infer Item)[]
    ? HoldsSecret<Item> extends false
      ? false
      : boolean
    : T extends (...args: never) => unknown
      ? false
      : T extends object
        ? Any<{ [Key in keyof T]-?: HoldsSecret<T[Key]> }>
        : false

type Any<Flags> =
  Flags extends Record<keyof Flags, false>
    ? false
    : true extends { [Key in keyof Flags]: [Flags[Key]] extends [true] ? true : never }[keyof Flags]
      ? true
      : boolean

const readTemplate = (name: string): string => {
  try {
    return readFileSync(`${root}${name}`, 'utf8')
  } catch (error) {
    throw renderError(name, error, false)
  }
}

/** As `template`, of this source. */
export const render = (name: string, source: string, data: Readonly<Record<string, unknown>>): string | Secret => {
  const escaper = escaperFor(name)
  const secrets = new Set(secretsIn(data))
  const values: unknown[] = []
  // A value can be written only where it is known what stands beside it, so a mark is left for each at first.
  const mark = `caravan-${randomBytes(8).toString('hex')}-`
  const leaveMark = (value: unknown): string => `${mark}${values.push(value) - 1};`
  try {
    const marked = ejs.render(
      source,
      { ...data },
      { filename: `${root}${name}`, escape: leaveMark, strict: true, localsName: 'it' },
    )
    for (const secret of secretsIn(values)) secrets.add(secret)
    const text = fill(marked.split(mark), values, (value, place) => {
      const form = written(value, place, escaper, secrets)
      for (const secret of asWritten(secretsIn(value), form)) secrets.add(secret)
      return form
    })
    return secrets.size === 0 ? text : Secret.of(name, text, [...secrets])
  } catch (error) {
    throw renderError(name, error, secrets.size > 0)
  }
}

// Each piece but the first begins with the number of the value that is before it.
const fill = ([first = '', ...pieces]: readonly string[], values: readonly unknown[], write: Escaper): string => {
  const texts = pieces.map((piece) => piece.slice(piece.indexOf(';') + 1))
  return pieces.reduce(
    (before, piece, index) =>
      before +
      write(values[Number.parseInt(piece, 10)], { before, after: texts.slice(index).join(VALUE) }) +
      texts[index],
    first,
  )
}

const written = (value: unknown, place: Place, write: Escaper, secrets: ReadonlySet<Secret>): string => {
  try {
    return write(revealed(value), place)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    // what is made from a secret is as secret, and cannot be told from the rest
    const shown =
      secrets.size === 0 || isSecret(value) ? inspect(value, { breakLength: Number.POSITIVE_INFINITY }) : 'a value'
    throw new DeclarationError(`cannot write ${shown.length > 80 ? `${shown.slice(0, 80)}…` : shown} ${error.message}`)
  }
}

// A host that complains of its file quotes a secret as the file has it.
const asWritten = (secrets: readonly Secret[], form: string): readonly Secret[] =>
  secrets
    .filter((secret) => !form.includes(secret.reveal()))
    .map(({ name }) => Secret.of(name, form.replaceAll(/^["']|["']$/g, '')))

const renderError = (name: string, thrown: unknown, secret: boolean): DeclarationError => {
  const { message, name: kind } = thrown instanceof Error ? thrown : new Error(String(thrown))
  // ejs puts the place and some lines of the template before the message
  const line = /^[^\n]*:(\d+)\n/.exec(message)?.[1]
  const last = message.trim().split('\n').at(-1) ?? ''
  const reason = secret && !(thrown instanceof DeclarationError) ? `${kind}, whose message may hold a secret` : last
  const at = `templates/${name}${line === undefined ? '' : `:${line}`}`
  return new DeclarationError(`template ${name}: ${reason}`, { at })
}
