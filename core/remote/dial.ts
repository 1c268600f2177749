import { spawn } from 'node:child_process'
import { Duplex } from 'node:stream'
import { ConnectError } from '../errors.ts'
import { type Route, sshArguments } from './over-ssh.ts'

/**
 * A connection to a TCP port on the loopback of a host, through its open SSH connection or a new one.
 * It is destroyed with a ConnectError when ssh could not make it. Source: ssh(1), -W
 */
export const dial = (route: Route, port: number): Duplex => {
  const ssh = spawn('ssh', sshArguments(route, true, ['-W', `127.0.0.1:${port}`]), {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, SSH_ASKPASS_REQUIRE: 'never' },
  })
  let said = ''
  ssh.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said = (said + piece).slice(-4096)
  })
  // ssh may end before it has read everything; its exit status tells
  ssh.stdin.on('error', () => {})
  const line = new Duplex({
    read: () => ssh.stdout.resume(),
    write: (piece, _, done) => void ssh.stdin.write(piece, () => done()),
    final: (done) => void ssh.stdin.end(() => done()),
    destroy: (error, done) => {
      ssh.kill()
      done(error)
    },
  })
  ssh.stdout.on('data', (piece: Buffer) => line.push(piece) || ssh.stdout.pause())
  ssh.once('error', (error) => line.destroy(error))
  ssh.once('close', (code) => (code === 0 ? line.push(null) : line.destroy(notThere(route, port, said))))
  return line
}

const notThere = ({ host }: Route, port: number, said: string): ConnectError =>
  new ConnectError(`port ${port} of its loopback cannot be reached`, {
    host: host.name,
    detail: said.trim(),
    // through an open connection ssh tells the two apart no more
    hint: 'ss -Hltn on the host: does it listen? and sshd -T there: AllowTcpForwarding must be yes or local',
  })
