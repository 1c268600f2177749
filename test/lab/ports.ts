import { connect } from 'node:net'

const ALL = 65_535
// Connections at once; a machine of the lab refuses a closed port at once.
const WIDTH = 400

/** The TCP ports of an address that take a connection from here, of all there are. */
export const openPorts = async (address: string): Promise<readonly number[]> => {
  const open: number[] = []
  let next = 1
  const worker = async (): Promise<void> => {
    while (next <= ALL) {
      const port = next++
      if (await takes(address, port)) open.push(port)
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, worker))
  return open.sort((a, b) => a - b)
}

const takes = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 5000 })
    const done = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket
      .once('connect', () => done(true))
      .once('timeout', () => done(false))
      .once('error', (error: NodeJS.ErrnoException) => {
        // whatever else is wrong says nothing about the port
        if (error.code === 'ECONNREFUSED') done(false)
        else reject(error)
      })
  })
