import { randomBytes } from 'node:crypto'

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

/** Reads frames as they come. `onFrame` is called at each begin and end. */
export const frameReader = (nonce: string, onFrame: (index: number, code: number | undefined) => void = () => {}) => {
  const frames = new Map<number, { output: string[]; code: number | undefined }>()
  let current: string[] | undefined
  let rest: Buffer = Buffer.alloc(0)

  const line = (text: string): void => {
    const [, index, word, status] = text.startsWith(nonce)
      ? (/^\S+ (\d+) (begin|end|output) ?(\d*)$/.exec(text) ?? [])
      : []
    if (word === undefined) return void current?.push(text)
    const frame = frames.get(Number(index)) ?? { output: [], code: undefined }
    frames.set(Number(index), frame)
    if (word === 'end') frame.code = Number(status)
    current = word === 'end' ? undefined : frame.output
    if (word !== 'output') onFrame(Number(index), frame.code)
  }

  return {
    /** Takes the next piece of output. */
    push: (piece: Buffer): void => {
      rest = rest.length === 0 ? piece : Buffer.concat([rest, piece])
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        line(rest.toString('utf8', 0, end))
        rest = rest.subarray(end + 1)
      }
    },
    /** All frames so far. The line break that `frame` begins with is not the fragment's. */
    frames: (): ReadonlyMap<number, Frame> => {
      const toFrame = ([index, { output, code }]: [number, { output: string[]; code: number | undefined }]) =>
        [index, { index, output: output.join('\n'), code }] as const
      return new Map([...frames].map(toFrame))
    },
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
