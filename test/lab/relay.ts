import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A way to a machine that takes its time: where it listens, and how to take it away. */
export type Relay = Readonly<{ address: string; port: number; close: () => void }>

/** Listens on `address` and hands on to `target`'s sshd; each byte arrives `delay` milliseconds after it was sent. */
export const relay = async (address: string, target: string, delay: number): Promise<Relay> => {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: target, port: 22, noDelay: true })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      late(from, to, delay)
    }
  })
  return { address, port: await listen(server, address), close: () => closeAll(server, sockets) }
}

// timers of one delay fire in the order in which they were set, so nothing overtakes
const late = (from: Socket, to: Socket, delay: number): void => {
  from.on('data', (piece) => setTimeout(() => to.destroyed || to.write(piece), delay))
  from.on('end', () => setTimeout(() => to.end(), delay))
  from.on('error', () => to.destroy())
}

const listen = async (server: Server, address: string): Promise<number> => {
  server.listen(0, address)
  await once(server, 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error(`${address} cannot be listened on`)
  return bound.port
}

const closeAll = (server: Server, sockets: ReadonlySet<Socket>): void => {
  server.close()
  for (const socket of sockets) socket.destroy()
}
