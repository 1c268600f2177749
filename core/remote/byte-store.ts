/** Bytes that come in pieces. A piece of one byte costs one byte here, and not the hundred of a Buffer of its own. */
export const byteStore = () => {
  let room = Buffer.alloc(0)
  let length = 0
  return {
    add: (piece: Uint8Array): void => {
      if (length + piece.length > room.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(room.length * 2, length + piece.length))
        room.copy(larger, 0, 0, length)
        room = larger
      }
      room.set(piece, length)
      length += piece.length
    },
    /** All of them; valid until the next piece. */
    bytes: (): Buffer => room.subarray(0, length),
  }
}
