// What a hostile host answers instead of running the script on its stdin: `node attacker.ts ATTACK SEED <SCRIPT`.
import { writeSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'

const MIB = 1024 ** 2

/** Everything that could move a cursor, name a window, fill a clipboard or turn text around. */
export const ESCAPES =
  '\u001b[2J\u001b]0;owned\u0007\u001b]52;c;b3duZWQ=\u0007\u009b31m\u0007\b\u007f\u202e\u0085\u2028\u001bP\u001b\\'

type Say = (piece: string | Buffer) => void
type Attack = (say: Say, script: string, random: () => number) => void

const frames = (nonce: string, outputs: readonly string[]): string =>
  outputs.map((output, index) => `\n${nonce} ${index} begin\n${output}\n${nonce} ${index} end 0\n`).join('')
const nonceIn = (script: string): string => /caravan-[0-9a-f]{24}/.exec(script)?.[0] ?? ''

const facts = (more = ''): string =>
  `time 1\nos debian 12 bookworm\nkernel 6\narch amd64\ncpus 1\nmemory 1024\nsystemd 252\ncgroup 2\nresolved no\n` +
  `address eth0 127.0.0.1\nmtu eth0 1500\ndefault eth0\nsynchronised yes\napplied -\n${more}`

const many = (say: Say, piece: string, bytes: number): void => {
  const block = Buffer.from(piece.repeat(Math.max(1, Math.ceil(65_536 / piece.length))))
  for (let sent = 0; sent < bytes; sent += block.length) say(block)
}

const inFrame = (nonce: string, index: number, say: Say, speak: () => void): void => {
  say(`\n${nonce} ${index} begin\n`)
  speak()
  say(`\n${nonce} ${index} end 0\n`)
}

/** Answers every probe as a host would, with this said by its only resources, and every apply with success. */
const liar =
  (words: string, more = ''): Attack =>
  (say, script) => {
    const nonce = nonceIn(script)
    const count = (script.match(/^frame \d+ begin$/gm) ?? []).length
    if (script.includes('lease.lock')) return say('taken\n')
    say(frames(nonce, [facts(more), ...Array<string>(Math.max(0, count - 1)).fill(words)]))
  }

/** Does this only while a play is applied. */
const whileApplied =
  (attack: Attack): Attack =>
  (say, script, random) =>
    script.includes('base=/run/caravan/') ? attack(say, script, random) : liar('-\n')(say, script, random)

// Just below what a transport takes at all.
const flood =
  (piece: string): Attack =>
  (say, script) => {
    const nonce = nonceIn(script)
    const index = script.includes('frame 1 begin') ? 1 : 0
    if (index === 1) say(frames(nonce, [facts()]))
    inFrame(nonce, index, say, () => many(say, piece, 15 * MIB))
  }

const floodOfFacts =
  (piece: string): Attack =>
  (say, script) =>
    inFrame(nonceIn(script), 0, say, () => many(say, piece, 15 * MIB))

const PROTOTYPES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', 'length']

/** All that a host may try while its answer is read. */
export const attacks: Readonly<Record<string, Attack>> = {
  nothing: () => {},
  'random bytes': (say, _, random) => say(Buffer.from(Array.from({ length: 100_000 }, () => random() * 256))),
  'one line without an end': (say) => many(say, 'a', 1024 * MIB),
  'one line in a frame': flood('a'),
  'facts without an end': floodOfFacts('ab\n'),
  'facts in one line': floodOfFacts('address a '),
  'line breaks': flood('\n'),
  'short lines': flood('ab\n'),
  'words of facts': floodOfFacts('a b c d e f g h\n'),
  'invalid UTF-8': flood('\ufffd\u0000'),
  'single bytes': (say, script) => {
    say(`${nonceIn(script)} 0 begin\n`)
    for (let i = 0; i < 200_000; i++) say('a')
  },
  'frames of a million resources': (say, script) => {
    const nonce = nonceIn(script)
    say(frames(nonce, [facts()]))
    for (let i = 1; i < 1_000_000; i += 1000)
      say(Array.from({ length: 1000 }, (_, k) => `${nonce} ${i + k} begin\n`).join(''))
  },
  'huge indices and statuses': (say, script) => {
    const nonce = nonceIn(script)
    for (const number of ['9'.repeat(400), '-1', '1e9', '0x1', '4294967296', '00'])
      say(`${nonce} ${number} begin\n${nonce} 0 end ${number}\n`)
  },
  'frames of guessed nonces': (say) => {
    for (let i = 0; i < 1000; i++) say(frames(`caravan-${i.toString(16).padStart(24, '0')}`, [facts(), '-\n', '-\n']))
  },
  'huge numbers': liar('-\n', `cpus 1e999\nmemory ${'9'.repeat(500)}\ntime -1e308\nmtu eth0 ${'9'.repeat(500)}\n`),
  'names of prototypes': liar(
    `${PROTOTYPES.map((name) => `${name}=${name}`).join('\n')}\n`,
    PROTOTYPES.map((name) => `${name} ${name} 127.0.0.1\naddress ${name} 10.0.0.1\nmtu ${name} ${name}\n`).join(''),
  ),
  'facts that reach out of their directory': liar(
    '-\n',
    'os ../../x ../../x ../../x\napplied ../../x\ndefault ../../x\n',
  ),
  'escape codes as facts': liar('-\n', `os ${ESCAPES} ${ESCAPES} x\ndefault ${ESCAPES}\n`),
  'escape codes as state': liar(`+${ESCAPES}\n`),
  'a state of 10 MiB': liar(`+${`${ESCAPES}x`.repeat((10 * MIB) / 60)}\n`),
  'another private address': (say, script) =>
    say(frames(nonceIn(script), [facts().replace('127.0.0.1', `10.0.0.1${ESCAPES}`)])),
  'endless errors': (_say, _script) => {
    const block = Buffer.alloc(65_536, `${ESCAPES}\n`)
    for (let i = 0; i < 1024; i++) writeSync(2, block)
  },
  'begins and ends without end': whileApplied((say, script) => {
    const nonce = nonceIn(script)
    many(say, `${nonce} 0 begin\n${nonce} 0 end 0\n`, 15 * MIB)
  }),
  'results of other resources': whileApplied((say, script) => {
    const nonce = nonceIn(script)
    for (let i = 0; i < 100; i++) say(`${nonce} ${i} begin\n${nonce} ${i} end ${i % 2}\n`)
  }),
  'a failure of 10 MiB': whileApplied((say, script) => {
    const nonce = nonceIn(script)
    say(`${nonce} 0 begin\n${nonce} 0 output\n`)
    many(say, ESCAPES, 10 * MIB)
    say(`\n${nonce} 0 end 1\n`)
  }),
  'a lease of 10 MiB': (say, script, random) => {
    if (!script.includes('lease.lock')) return liar('-\n')(say, script, random)
    say('held\n')
    many(say, ESCAPES, 10 * MIB)
    say('\n2026\n1\n')
  },
}

// mulberry32: the same numbers for the same seed, in every process.
const randomFrom = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}

const write: Say = (piece) => {
  const bytes = Buffer.from(piece)
  for (let sent = 0; sent < bytes.length; ) {
    try {
      sent += writeSync(1, bytes, sent)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') process.exit(1)
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , name = '', seed = '1'] = process.argv
  attacks[name]?.(write, await text(process.stdin), randomFrom(Number(seed)))
}
