/** Where a value stands: all that is before it and after it. In what is after, `VALUE` stands for each further value. */
export type Place = Readonly<{ before: string; after: string }>

/** Writes one value where it stands, so that whoever reads the file gets exactly this value. @throws Refusal */
export type Escaper = (value: unknown, place: Place) => string

/** Stands for a value that is not written yet: the object replacement character, which is no letter of any syntax. */
export const VALUE = '\ufffc'

/** Why a value cannot be written, without the value: it may be a secret. Reads on from `cannot write …`. */
export class Refusal extends Error {}

/** What is before and after on the same line. */
export const lineOf = ({ before, after }: Place): Place => ({
  before: before.slice(before.lastIndexOf('\n') + 1),
  after: /^.*/.exec(after)?.[0] ?? '',
})

/** Whether the end of this text is inside quotes. Outside of quotes too, a backslash takes a quote its meaning. */
export const endsInQuotes = (text: string, quotes: string): boolean => {
  let open = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    if (char === '\\') at++
    else if (char === open) open = ''
    else if (open === '' && quotes.includes(char)) open = char
  }
  return open !== ''
}

/** Whether nothing but white space touches the value. */
export const standsAlone = ({ before, after }: Place): boolean => /(^|\s)$/.test(before) && /^(\s|$)/.test(after)

/** A number in decimals: how an exponent is read differs from syntax to syntax. */
export const decimal = (value: number): string => {
  if (!/^-?\d+(\.\d+)?$/.test(String(value)) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
    throw new Refusal('as a number: only what has exact decimals can be')
  return String(value)
}

/** A string or number as text on one line; not empty, and without space at its ends, which no reader keeps. */
export const text = (value: unknown): string => {
  if (typeof value === 'number') return decimal(value)
  if (typeof value !== 'string') throw new Refusal('as text')
  if (!value.isWellFormed()) throw new Refusal('as text: it is not valid Unicode')
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value)) throw new Refusal('on one line')
  if (value === '' || value !== value.trim()) throw new Refusal('as a value: it is empty, or has space at its ends')
  return value
}
