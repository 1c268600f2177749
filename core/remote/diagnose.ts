import { AskableError, ConnectError, UnfinishedError } from '../errors.ts'
import { safeLine } from '../terminal/safe.ts'
import { opening, type Peer, type Rule } from './ssh-words.ts'
import { becoming, WRONG_PASSWORD } from './sudo-words.ts'

/** The error for sudo that asked a second time. */
export const wrongPassword = ({ name }: Peer): ConnectError =>
  new AskableError(WRONG_PASSWORD.message, { host: name, hint: WRONG_PASSWORD.hint })

const judge = (rules: readonly Rule[], text: string, peer: Peer): ConnectError | undefined => {
  for (const [pattern, verdict] of rules) {
    const found = pattern.exec(text)
    if (!found) continue
    const { message, hint, askable } = verdict(peer, found)
    const Kind = askable ? AskableError : ConnectError
    return new Kind(safeLine(message), { host: peer.name, hint: safeLine(hint), detail: lastLine(text, pattern) })
  }
  return undefined
}

/** The error for ssh that ended with 255 before our first line: it did not get in, unless it does not say why. */
export const notConnected = (stderr: string, peer: Peer): ConnectError =>
  judge(opening, stderr, peer) ??
  judge(becoming, stderr, peer) ??
  new UnfinishedError('the connection ended before the host answered', {
    host: peer.name,
    hint: `try by hand: ssh ${peer.address}`,
    detail: lastLine(stderr),
  })

/** The error for a host that let us in but did not make us root. `printed` is all that it said. */
export const notRoot = (printed: string, code: number, peer: Peer): ConnectError =>
  judge(becoming, printed, peer) ??
  new ConnectError(`the host let us in, but ran nothing (exit ${code})`, {
    host: peer.name,
    hint: `try by hand: ssh ${peer.address} sh -c id`,
    detail: lastLine(printed),
  })

// ssh's own last words; the line that told us where it is known.
export const lastLine = (text: string, pattern?: RegExp): string | undefined => {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const line = (pattern && lines.findLast((one) => pattern.test(one))) ?? lines.at(-1)
  return line === undefined ? undefined : safeLine(line.trim())
}
