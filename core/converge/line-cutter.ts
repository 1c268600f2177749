export const NEWLINE = 10

/** Bytes of the longest line that can be a frame's. */
const LONGEST = 64

/**
 * Gives lines that begin with the nonce to `take`, without their ends; all else, and what it does not want, goes on to
 * `pass` as it is. Only the beginning of a line is ever held back, so a line without an end costs nothing.
 */
export const lineCutter = (nonce: string, take: (line: string) => boolean, pass: (bytes: Buffer) => void) => {
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
