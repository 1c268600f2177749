import fc from 'fast-check'

// What may come in the place of a piece of YAML.
const PIECES = [
  ...[
    '&a ',
    '*a',
    '&a [*a]',
    '<<: *base',
    '<<: *defaults',
    '? ',
    ': ',
    '- ',
    '|',
    '>-',
    '|9',
    '---\n',
    '...\n',
    '%TAG ! x:\n',
  ],
  ...[
    '!!js/function "x"',
    '!!binary "////"',
    '!!set {a, b}',
    '!!int x',
    '!x ',
    '! ',
    '!<tag:yaml.org,2002:str> ',
    '!!timestamp 2001',
  ],
  ...[
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    ',',
    '#',
    ' #',
    '@',
    '`',
    '\t',
    '\r',
    '\r\n',
    '\n',
    '\0',
    '\u0085',
    '\u2028',
    '\ufeff',
    '\ufffd',
  ],
  ...['\\x41', '"\\u0000"', '"\\ud800"', '\u202e', '\u{e0001}', '☃', '𝒳', 'e\u0301', '  ', '\n  ', '\n\t', '\n    '],
  ...[
    '~',
    'null',
    'true',
    'no',
    '.inf',
    '-.inf',
    '.nan',
    '1e999',
    '-0',
    '0o17',
    '99999999999999999999999',
    '-1',
    '0.1',
    '1_000',
  ],
  ...[
    '__proto__: { polluted: 1 }',
    '__proto__: &base [x]',
    'constructor: { prototype: { polluted: 1 } }',
    'prototype: 1',
  ],
  ...[
    '"__proto__"',
    'constructor',
    'toString',
    'hasOwnProperty: 1',
    'length: 9',
    'valueOf',
    '["__proto__"]',
    'then: 1',
  ],
  ...['127.0.0.1/33', '10.33.0.2', '0.0.0.0/0', '::1', '-oProxyCommand=x', '$(id)', '../../x', '%h', 'a b', 'a,b', 'A'],
  ...['~/.ssh/id', '"a\\"b"', "it's", `\${HOME}/id`, '"a\\nb"', 'ssh-rsa AAAA comment', '-F', '.', '0755'],
] as const

/** A change of a text of YAML. */
export type Mutation = (text: string) => string

const spot = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
const piece = fc.constantFrom(...PIECES)

const onBytes = (text: string, at: number, change: (byte: number) => number): string => {
  const bytes = Buffer.from(text)
  const index = Math.floor(at * bytes.length)
  if (bytes.length > 0) bytes[index] = change(bytes[index] as number)
  return bytes.toString()
}

const onLines = (
  text: string,
  at: number,
  change: (line: string, all: readonly string[]) => readonly string[],
): string => {
  const lines = text.split('\n')
  const index = Math.floor(at * lines.length)
  return lines.toSpliced(index, 1, ...change(lines[index] ?? '', lines)).join('\n')
}

// The same key, the same indentation, another value.
const withValue = (line: string, value: string): string =>
  line.replace(/^(\s*(?:- )?[^:]*:).*$/, (_, key) => `${key} ${value}`)
const withKey = (line: string, key: string): string => line.replace(/[^\s:-][^:]*(?=:)/, () => key)
const indentOf = (line: string): string => /^\s*/.exec(line)?.[0] ?? ''

/** Small changes, as a slip or somebody's malice would make them. */
export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(spot, fc.nat(7)).map(
    ([at, bit]): Mutation =>
      (text) =>
        onBytes(text, at, (byte) => byte ^ (1 << bit)),
  ),
  fc.tuple(spot, fc.nat(255)).map(
    ([at, byte]): Mutation =>
      (text) =>
        onBytes(text, at, () => byte),
  ),
  spot.map(
    (at): Mutation =>
      (text) =>
        onLines(text, at, () => []),
  ),
  spot.map(
    (at): Mutation =>
      (text) =>
        onLines(text, at, (line) => [line, line]),
  ),
  fc.tuple(spot, spot).map(
    ([at, from]): Mutation =>
      (text) =>
        onLines(text, at, (line, all) => [line, all[Math.floor(from * all.length)] ?? '']),
  ),
  fc.tuple(spot, fc.nat(6)).map(
    ([at, n]): Mutation =>
      (text) =>
        onLines(text, at, (line) => [' '.repeat(n) + line.trimStart()]),
  ),
  fc.tuple(spot, piece).map(
    ([at, value]): Mutation =>
      (text) =>
        onLines(text, at, (line) => [withValue(line, value)]),
  ),
  fc.tuple(spot, piece).map(
    ([at, key]): Mutation =>
      (text) =>
        onLines(text, at, (line) => [withKey(line, key)]),
  ),
  fc.tuple(spot, piece).map(
    ([at, added]): Mutation =>
      (text) =>
        onLines(text, at, (line) => [line, indentOf(line) + added]),
  ),
  fc.tuple(spot, piece).map(
    ([at, added]): Mutation =>
      (text) => {
        const index = Math.floor(at * text.length)
        return text.slice(0, index) + added + text.slice(index)
      },
  ),
  fc.tuple(spot, spot).map(
    ([at, to]): Mutation =>
      (text) => {
        const [from, end] = [at, to].map((one) => Math.floor(one * text.length)).sort((a, b) => a - b)
        return text.slice(0, from) + text.slice(end)
      },
  ),
)
