import { type Escaper, endsInQuotes, type Place, Refusal, standsAlone, text } from './syntax.ts'

/**
 * A value in a unit file; how depends on its line. Command lines and the environment know escapes, so that anything
 * arrives. Other settings read words, each in its own way: only what means itself in all of them is written.
 * Source: systemd.syntax(7), systemd.service(5) "Command lines", systemd.exec(5) Environment=, systemd.unit(5) "Specifiers".
 */
export const unit: Escaper = (value, place) => {
  const setting = settingOf(place.before)
  if (/^Exec\w*=/.test(setting)) return command(value, setting, place)
  if (/^Environment=.*=/s.test(setting)) return escaped(value, /[^\t\n\P{Cc}]/u)
  if (/^Description=/.test(setting)) return plainText(value).replaceAll('%', '%%')
  if (/^[#;]/.test(setting)) return plainText(value)
  return (Array.isArray(value) ? value : [value]).map(plainWord).join(' ')
}

/** The line up to the value, together with those that it continues. */
const settingOf = (before: string): string => (/(?:.*\\\n)*.*$/.exec(before)?.[0] ?? '').trimStart()

const command = (value: unknown, setting: string, place: Place): string => {
  if (endsInQuotes(setting, '"\'')) return bare(value, 'inside quotes of a command line, which a shell may read')
  if (/^Exec\w*=[-@:+!|]*$/.test(setting)) return bare(value, 'as the program of a command line', /^\//)
  // with this prefix nothing is expanded, so there is nothing to double
  const expands = !/^Exec\w*=[-@+!|]*:/.test(setting)
  const words = Array.isArray(value) ? value : [value]
  if (Array.isArray(value) && (words.length === 0 || !standsAlone(place)))
    throw new Refusal('as words: the list is empty, or stands beside something')
  return words
    .map((word) => escaped(word, /\0/))
    .map((word) => (expands ? word.replaceAll('$', '$$$$') : word))
    .join(' ')
}

// Escapes are undone before specifiers and variables are looked for, so these two must be doubled.
const escaped = (value: unknown, refused: RegExp): string => {
  const word = typeof value === 'string' ? value : text(value)
  checkUnicode(word)
  if (word === '' || refused.test(word)) throw new Refusal('into a unit: it is empty or has control characters')
  return word
    .replaceAll(
      /[^\w.:/@+,=%$\u0080-\u{10ffff}-]/gu,
      (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
    )
    .replaceAll('%', '%%')
}

const plainText = (value: unknown): string => {
  const line = text(value)
  checkUnicode(line)
  if (/["'\\;]/.test(line)) throw new Refusal('into a unit: it has a quote, a backslash or a semicolon')
  return line
}

const plainWord = (value: unknown): string => {
  const word = plainText(value)
  if (/[\s%]/.test(word)) throw new Refusal('into this setting of a unit: it has a space or %; write several as a list')
  return word
}

const bare = (value: unknown, where: string, also = /^/): string => {
  const word = text(value)
  if (!/^[\w.:/@+,=-]+$/.test(word) || !also.test(word)) throw new Refusal(where)
  return word
}

// systemd ignores a line with one of these. Source: src/basic/utf8.c, unichar_is_valid()
const checkUnicode = (word: string): void => {
  if (!word.isWellFormed() || /\p{Noncharacter_Code_Point}/u.test(word))
    throw new Refusal('into a unit: it is not Unicode that systemd reads')
}
