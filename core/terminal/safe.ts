// Control (C0, C1, DEL), format (bidi overrides, zero widths, tags), line and paragraph separators, lone surrogates.
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
// What programs colour their logs with. It is dropped rather than shown, because it tells nothing.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const colours = /\u001b\[[\d;:]*m/g

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const visible = (char: string): string => {
  const code = char.codePointAt(0) ?? 0
  if (named[char] !== undefined) return named[char]
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`
}

/** Text from a host as one line: whatever could move the cursor or reorder text is shown as an escape like `\x1b`. */
export const safeLine = (text: string): string => text.replace(unsafe, visible)

/** Text from a host that keeps its lines and tabs; colours of logs are dropped, the rest is shown as an escape. */
export const safeText = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replace(colours, '')
    .replace(unsafe, (char) => (char === '\n' || char === '\t' ? char : visible(char)))

/** One JSON value on one line, the same value to a parser, but harmless when it is printed to a terminal. */
export const safeJson = (value: unknown): string =>
  JSON.stringify(value).replace(unsafe, (char) =>
    Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  )
