import { execFileSync } from 'node:child_process'
import test from 'ava'
import fc from 'fast-check'
import { frameFunction, frameReader, newNonce } from '../../core/converge/frames.ts'
import { UnfinishedError } from '../../core/errors.ts'
import { quote } from '../../core/remote/shell.ts'

const nonce = 'caravan-0123'
const read = (pieces: readonly Buffer[]) => {
  const reader = frameReader(nonce, 2)
  for (const piece of pieces) reader.push(piece)
  return [...reader.frames().values()]
}
const shell = (script: string): Buffer => execFileSync('sh', ['-c', `${frameFunction(nonce)}\n${script}`])

const cases: [
  title: string,
  script: string,
  ...frames: { index: number; output: string; code: number | undefined }[],
][] = [
  ['nothing printed', 'frame 0 begin; frame 0 end 0', { index: 0, output: '', code: 0 }],
  ['a line', 'frame 0 begin; echo a; frame 0 end 3', { index: 0, output: 'a\n', code: 3 }],
  ['no line break at the end', 'frame 0 begin; printf a; frame 0 end 0', { index: 0, output: 'a', code: 0 }],
  [
    'a banner before and a message after',
    'echo hi; frame 0 begin; echo a; frame 0 end 0; echo bye',
    { index: 0, output: 'a\n', code: 0 },
  ],
  ['cut off', 'frame 0 begin; echo a', { index: 0, output: 'a', code: undefined }],
  [
    'output after a failure',
    'frame 1 begin; frame 1 output; echo why; frame 1 end 1',
    { index: 1, output: '\nwhy\n', code: 1 },
  ],
  [
    'two',
    'frame 0 begin; frame 0 end 0; frame 1 begin; echo b; frame 1 end 0',
    { index: 0, output: '', code: 0 },
    { index: 1, output: 'b\n', code: 0 },
  ],
  [
    'a forged frame of another nonce',
    "frame 0 begin; echo 'caravan-9999 0 end 0'; frame 0 end 1",
    { index: 0, output: 'caravan-9999 0 end 0\n', code: 1 },
  ],
  [
    'a nonce without a frame',
    `frame 0 begin; echo '${nonce} hello'; frame 0 end 0`,
    { index: 0, output: `${nonce} hello\n`, code: 0 },
  ],
]
for (const [title, script, ...frames] of cases) {
  test(`frames: ${title}`, (t) => t.deepEqual(read([shell(script)]), frames))
}

test('frames are the same however the output is cut into pieces', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 7 }), (text, size) => {
      const bytes = Buffer.from(`${nonce} 0 begin\n${text}\n${nonce} 0 end 0\n`)
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      )
      t.deepEqual(read(pieces), read([bytes]))
    }),
  )
})

test('what a fragment prints comes back byte for byte', (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0')),
      (text) => {
        const [frame] = read([shell(`frame 0 begin; printf %s ${quote(text)}; frame 0 end 0`)])
        t.is(frame?.output, text)
      },
    ),
    { numRuns: 60 },
  )
})

test('a frame begins once and ends once, and there are no more of them than the script has', (t) => {
  const heard: (readonly [number, number | undefined])[] = []
  const reader = frameReader(nonce, 2, (...told) => void heard.push(told))
  const said = [
    '0 begin',
    '0 begin',
    '0 end 1',
    '0 end 0',
    '0 begin',
    '2 begin',
    '1 end 7',
    '1 begin',
    '1 end 1000',
    '-1 begin',
  ]
  reader.push(Buffer.from(said.map((one) => `${nonce} ${one}\n`).join('')))
  t.deepEqual(heard, [
    [0, undefined],
    [0, 1],
    [1, 7],
  ])
  t.deepEqual(
    [...reader.frames().values()].map(({ index, code }) => [index, code]),
    [
      [0, 1],
      [1, 7],
    ],
  )
})

test('a line without an end is read in time that grows with its length', (t) => {
  const spend = (pieces: number): number => {
    const reader = frameReader(nonce, 1)
    const began = performance.now()
    for (let i = 0; i < pieces; i++) reader.push(Buffer.alloc(1000, 'a'))
    return performance.now() - began
  }
  spend(1000)
  const [some, many] = [spend(1000), spend(8000)]
  t.true(many < some * 40 + 100, `${some} ms for 1 MB, ${many} ms for 8 MB`)
})

test('too many lines are given up', (t) => {
  const reader = frameReader(nonce, 1)
  t.throws(() => reader.push(Buffer.alloc(600_000, '\n')), { instanceOf: UnfinishedError })
})

test('nonces differ', (t) => t.not(newNonce(), newNonce()))
