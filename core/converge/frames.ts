import { randomBytes } from 'node:crypto'
import { UnfinishedError } from '../errors.ts'
import { byteStore } from '../remote/byte-store.ts'

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
      for (const byte of piece) if (byte === NEWLINE) lines++
      if (lines > MOST_LINES) throw new UnfinishedError(`a script printed more than ${MOST_LINES} lines`)
      cut(piece)
    },
    /** All frames so far. The line break that `frame` begins with is not the fragment's. */
    frames: (): ReadonlyMap<number, Frame> =>
      new Map([...frames].map(([index, { output, code }]) => [index, { index, output: text(output.bytes()), code }])),
  }
}

const NEWLINE = 10
const text = (bytes: Buffer): string =>
  bytes.toString('utf8', 0, bytes.at(-1) === NEWLINE ? bytes.length - 1 : undefined)

/** Bytes of the longest line that can be a frame's. */
const LONGEST = 64

/**
 * Gives lines that begin with the nonce to `take`, without their ends; all else, and what it does not want, goes on to
 * `pass` as it is. Only the beginning of a line is ever held back, so a line without an end costs nothing.
 */
const lineCutter = (nonce: string, take: (line: string) => boolean, pass: (bytes: Buffer) => void) => {
  const mark = Buffer.from(nonce)
  const atLineStart = Buffer.from(`\n${nonce}`)
  let held: Buffer = Buffer.alloc(0)
  let midLine = false
  const mayBegin = (bytes: Buffer): boolean => {
    const shown = Math.min(bytes.length, mark.length)
    return bytes.compare(mark, 0, shown, 0, shown) === 0
  }
  /** How many of these bytes, which stand at the start of a line, are done with; 0: more of them must come first. */
  const line = (bytes: Buffer): number => {
    const end = bytes.subarray(0, LONGEST).indexOf(NEWLINE)
    if (mayBegin(bytes) && end < 0 && bytes.length < LONGEST) return 0
    if (mayBegin(bytes) && end >= 0 && take(bytes.toString('latin1', 0, end))) return end + 1
    return rest(bytes)
  }
  // up to where the next frame may begin
  const rest = (bytes: Buffer): number => {
    const next = bytes.indexOf(atLineStart)
    const last = bytes.lastIndexOf(NEWLINE)
    const tail = next < 0 && last >= 0 && last + 1 < bytes.length && mayBegin(bytes.subarray(last + 1))
    const until = next >= 0 ? next + 1 : tail ? last + 1 : bytes.length
    pass(bytes.subarray(0, until))
    midLine = bytes[until - 1] !== NEWLINE
    return until
  }
  return (piece: Buffer): void => {
    let left = held.length === 0 ? piece : Buffer.concat([held, piece])
    held = Buffer.alloc(0)
    while (left.length > 0) {
      const used = midLine ? rest(left) : line(left)
      if (used === 0) {
        held = Buffer.from(left)
        return
      }
      left = left.subarray(used)
    }
  }
}

/** What every script begins with: known programs, known messages, no job control. */
export const prelude = (nonce: string): string =>
  [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH',
    'LC_ALL=C.UTF-8; export LC_ALL',
    'umask 022',
    frameFunction(nonce),
  ].join('\n')
