import { readFileSync } from 'node:fs'
import fc from 'fast-check'

// As lab/inventory.ts writes it: other indentation, lists over several lines.
const lab = `# written by playbooks/lab.mjs
cluster:
  name: lab
  datacenter: dc1
  network: 10.33.0.0/16
vars: {}
groups:
  servers:
    - node-1
    - node-2
hosts:
  node-1:
    address: 198.18.33.11
    privateIp: 10.33.0.2
    slot: 0
    user: root
    identityFile: /srv/lab/id_ed25519
    hostKeys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPZ9izVrftFgKKJWz/tDkqf3rGNzaSumtmxoVna1F7UL
  node-2:
    address: 198.18.33.12
    privateIp: 10.33.0.3
    slot: 1
    user: root
`

// All that an inventory may hold, and all that YAML may be written in.
const rich = `%YAML 1.2
---
cluster: { name: caravan, datacenter: fsn1, network: 10.0.0.0/8 }
vars: &defaults
  base: &base
    packages: [curl, "gnupg", 'iptables', iproute2]
    maxMapCount: 262_144
    maxSkew: 1.5e0
  docker: { logMaxSize: 50m, "files": 0x3 }
groups:
  servers: [a, b-2]
  clients:
    hosts:
    - c
    vars: *defaults
hosts:
  a: { address: "a.example.com", privateIp: 10.33.0.2, slot: 0, port: 2222, vars: { base: *base } }
  b-2:
    address: fe80::1
    privateIp: 10.33.0.3
    identityFile: >-
      ~/.ssh/id
      of mine
    sudoPasswordFile: |
      secret
    hostKeys: ["ssh-ed25519 AAAA", ssh-rsa BBBB==]
  ? c
  : address: alias # of ~/.ssh/config
    privateIp: !!str 10.33.0.4
    user: debian
...
`

/** Inventories that are valid, or nearly so. */
export const inventories: readonly string[] = [
  readFileSync(new URL('../../inventory.yaml', import.meta.url), 'utf8'),
  lab,
  rich,
]

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

type Mutation = (text: string) => string

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

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
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

/** Aliases of aliases: a few lines that stand for `width ** levels` values. */
export const bomb = (levels: number, width: number): string =>
  Array.from({ length: levels }, (_, i) =>
    i === 0
      ? 'l0: &l0 [x]'
      : `l${i}: &l${i} [${Array(width)
          .fill(`*l${i - 1}`)
          .join(', ')}]`,
  ).join('\n')

/** What no mutation of a small file comes to: deep, wide, or large. */
const extreme: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 2, max: 20 }))
    .map(([levels, width]) => bomb(levels, width)),
  fc
    .tuple(
      fc.constantFrom('[', '{a: ', '- ', '? ', '"', '&a [', '!!x [', '*a', ':', '\n- '),
      fc.integer({ min: 1, max: 20_000 }),
    )
    .map(([open, depth]) => open.repeat(depth)),
  fc
    .tuple(
      fc.constantFrom('vars: ', 'hosts:\n  a: ', 'groups: { x: '),
      fc.constantFrom('[', '{a: '),
      fc.integer({ min: 1, max: 5_000 }),
    )
    .map(([start, open, depth]) => start + open.repeat(depth) + (open === '[' ? ']' : '}').repeat(depth)),
  fc
    .integer({ min: 1, max: 1_000 })
    .map(
      (count) =>
        `hosts:\n${Array.from({ length: count }, (_, i) => `  n${i}: { address: a${i}, privateIp: 10.33.${i >> 8}.${i & 255} }\n`).join('')}`,
    ),
  fc.integer({ min: 1, max: 200_000 }).map((length) => `hosts: { ${'a'.repeat(length)}: 1 }`),
  fc.integer({ min: 1, max: 200_000 }).map((digits) => `hosts: { a: { slot: ${'9'.repeat(digits)} } }`),
  fc.integer({ min: 1, max: 1_000 }).map((count) => Array.from({ length: count }, (_, i) => `k${i}: 1`).join('\n')),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString()),
)

/** Texts that look like inventories, one way or another. */
export const mutatedInventory: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(fc.constantFrom(...inventories), fc.array(mutation, { minLength: 1, maxLength: 4 }))
      .map(([text, mutations]) => mutations.reduce((now, change) => change(now), text)),
  },
  { weight: 1, arbitrary: extreme },
)
