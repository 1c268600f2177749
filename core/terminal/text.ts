const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

/** Columns that one character takes. */
const columnsOf = (char: string): number => (/\p{M}/u.test(char) ? 0 : wide.test(char) ? 2 : 1)

/** Columns that a text takes on a terminal. It must be safe and without colours. */
export const width = (text: string): number => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: plain ASCII needs no counting
  if (/^[\x00-\x7f]*$/.test(text)) return text.length
  return [...text].reduce((sum, char) => sum + columnsOf(char), 0)
}

/** Fills up with spaces on the right, or on the left. */
export const pad = (text: string, columns: number, side: 'right' | 'left' = 'right'): string => {
  const fill = ' '.repeat(Math.max(0, columns - width(text)))
  return side === 'right' ? text + fill : fill + text
}

/** At most so many columns; what was cut is shown by `…`. */
export const truncate = (text: string, columns: number): string =>
  width(text) <= columns ? text : `${cut(text, columns - 1)}…`

/** Lines of at most so many columns, broken at spaces where there are any. */
export const wrap = (text: string, columns: number): readonly string[] => {
  const lines: string[] = []
  let rest = text
  while (width(rest) > columns) {
    const head = cut(rest, columns)
    const space = head.lastIndexOf(' ')
    const end = rest[head.length] === ' ' || space <= 0 ? head.length : space
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return [...lines, rest]
}

// The longest beginning that fits, and at least one character, so that a loop comes to an end.
const cut = (text: string, columns: number): string => {
  let [kept, used] = ['', 0]
  for (const char of text) {
    used += columnsOf(char)
    if (used > columns && kept !== '') break
    kept += char
  }
  return kept
}

/** `1 host`, `3 hosts`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`

/** `0.4 s`, `41 s`, `12 min 5 s`. */
export const duration = (seconds: number): string => {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}
