import { randomBytes } from 'node:crypto'
import { UnfinishedError } from '../errors.ts'
import { byteStore } from '../remote/byte-store.ts'
import { lineCutter, NEWLINE } from './line-cutter.ts'

/**
 * A script tells how far it is by frames: lines that begin with a nonce which the host cannot know in advance. What a
 * shell's start-up files print stands outside of all frames and is skipped. Frames carry indices and never names.
 */
export type Frame = Readonly<{
  index: number
  /** What the fragment printed. */
  output: string
  /** Its exit status; undefined where it began and did not end. */
  code: number | undefined
}>

export const newNonce = (): string => `caravan-${randomBytes(12).toString('hex')}`

/** The shell function that prints frames: `frame INDEX begin`, `frame INDEX end STATUS`, `frame INDEX output`. */
export const frameFunction = (nonce: string): string => `frame() { printf '\\n%s %s\\n' '${nonce}' "$*"; }`

/** No script of ours prints as many lines; to cut more of them apart would fill our memory. */
const MOST_LINES = 500_000

/**
 * Reads the frames of a script that has `count` of them, as they come. `onFrame` is called when one begins and when it
 * ends, once each, whatever the host says.
 * @throws UnfinishedError when a piece makes it too many lines.
 */
export const frameReader = (
  nonce: string,
  count: number,
  onFrame: (index: number, code: number | undefined) => void = () => {},
) => {
  const frames = new Map<number, { output: ReturnType<typeof byteStore>; code: number | undefined }>()
  const header = new RegExp(`^${nonce} (\\d{1,9}) (?:(begin|output)|end (\\d{1,3}))$`)
  let current: ReturnType<typeof byteStore> | undefined
  let lines = 0

  const take = (line: string): boolean => {
    const [, number, , status] = header.exec(line) ?? []
    const index = Number(number ?? Number.NaN)
    if (!(index < count)) return false
    const known = frames.get(index)
    const frame = known ?? { output: byteStore(), code: undefined }
    if (known === undefined) frames.set(index, frame)
    current = status === undefined ? frame.output : undefined
    const told = status === undefined ? known !== undefined : frame.code !== undefined
    if (status !== undefined) frame.code ??= Number(status)
    if (!told) onFrame(index, frame.code)
    return true
  }
  const cut = lineCutter(nonce, take, (bytes) => current?.add(bytes))

  return {
    /** Takes the next piece of output. */
    push: (piece: Buffer): void => {
      for (let at = piece.indexOf(NEWLINE); at >= 0; at = piece.indexOf(NEWLINE, at + 1)) lines++
      if (lines > MOST_LINES) throw new UnfinishedError(`a script printed more than ${MOST_LINES} lines`)
      cut(piece)
    },
    /** All frames so far. The line break that `frame` begins with is not the fragment's. */
    frames: (): ReadonlyMap<number, Frame> =>
      new Map([...frames].map(([index, { output, code }]) => [index, { index, output: text(output.bytes()), code }])),
  }
}

const text = (bytes: Buffer): string =>
  bytes.toString('utf8', 0, bytes.at(-1) === NEWLINE ? bytes.length - 1 : undefined)

/** What every script begins with: known programs, known messages, no job control. */
export const prelude = (nonce: string): string =>
  [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH',
    'LC_ALL=C.UTF-8; export LC_ALL',
    'umask 022',
    frameFunction(nonce),
  ].join('\n')
