import { type Escaper, endsInQuotes, lineOf, type Place, Refusal, standsAlone, text } from './syntax.ts'

// Means itself in each of these syntaxes, inside quotes, outside of them, and as a part of a word.
const BARE = /^[\w.:/@+=-]+$/

/** A syntax of words with white space between them. A list is written as its words. */
type Dialect = Readonly<{
  quotes: string
  /** @throws Refusal for a word that cannot stand there, however it is written. */
  check: (word: string, line: Place) => void
  /** What else means itself, but outside of quotes only. */
  bare?: RegExp
  /** Writes a word that is not a bare one. */
  quoted: (word: string) => string
}>

const words =
  ({ quotes, check, bare = BARE, quoted }: Dialect): Escaper =>
  (value, place) => {
    const line = lineOf(place)
    const all = (Array.isArray(value) ? value : [value]).map(text)
    if (all.length === 0) throw new Refusal('as words: the list is empty')
    for (const word of all) check(word, line)
    if (all.length === 1 && BARE.test(all[0] ?? '')) return all.join()
    if (endsInQuotes(line.before, quotes)) throw new Refusal('inside quotes')
    if (!standsAlone(line)) throw new Refusal('as a part of a word: the whole word must be one <%= %>')
    return all.map((word) => (bare.test(word) ? word : quoted(word))).join(' ')
  }

/**
 * Nothing is expanded inside single quotes, and inside double quotes a backslash prevents it. Where an argument is a
 * log format HAProxy expands `%` as well, elsewhere not: such a value is for the template to write.
 * Source: HAProxy configuration manual, 2.2 "Quoting and escaping".
 */
export const haproxy = words({
  quotes: '"\'',
  check: (word) => {
    if (word.includes('%')) throw new Refusal('for HAProxy: a % means something else in some places')
  },
  // a variable is one in double quotes only; programs that read haproxy.cfg as well keep the quotes of a hash
  bare: /^[\w.:/@+=$*[\],-]+$/,
  quoted: (word) => (word.includes("'") ? `"${word.replaceAll(/["\\$]/g, '\\$&')}"` : `'${word}'`),
})

/**
 * A backslash is one, but before a quote. Quotes do not keep braces, `import` and `{$NAME}` from having their meaning.
 * Source: the lexer and parser of github.com/coredns/caddy/caddyfile.
 */
export const corefile = words({
  quotes: '"',
  check: (word, { before }) => {
    if (/^[{}]$|\{[$%]/.test(word)) throw new Refusal('in a Corefile: braces have a meaning even inside quotes')
    if (/\\("|$)/.test(word)) throw new Refusal('in a Corefile: a backslash cannot stand before a quote')
    if (before.trim() === '' && (word === 'import' || !BARE.test(word)))
      throw new Refusal('at the begin of a line of a Corefile')
  },
  quoted: (word) => `"${word.replaceAll('"', '\\"')}"`,
})

/** Text on one line of a file whose reader is not known: nothing that any of the usual ones would understand otherwise. */
export const plain: Escaper = (value) => {
  const line = text(value)
  if (/["'`\\#;%$]/.test(line)) throw new Refusal('as plain text: it has a character that may have a meaning there')
  return line
}
