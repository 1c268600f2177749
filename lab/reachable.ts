import { createConnection } from 'node:net'

/** Whether a server at that address takes a connection, within so many milliseconds. */
export function listens(host: string, port: number, milliseconds: number): Promise<boolean> {
  return tried(host, port, milliseconds, 'connect')
}

/** Whether a server there also speaks first, as sshd does. */
export function greets(host: string, port: number, milliseconds: number): Promise<boolean> {
  return tried(host, port, milliseconds, 'data')
}

function tried(host: string, port: number, timeout: number, event: 'connect' | 'data'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port })
    const timer = setTimeout(() => end(false), timeout)
    const end = (up: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(up)
    }
    socket.once(event, () => end(true))
    socket.once('error', () => end(false)).once('close', () => end(false))
  })
}
