import { AskableError, ConnectError, UnfinishedError } from '../errors.ts'
import { safeLine } from '../terminal/safe.ts'
import { opening, type Peer, type Rule } from './ssh-words.ts'
import { becoming } from './sudo-words.ts'

/** Characters of a line that are looked at: a pattern that begins with `\S+` takes the square of them. */
const LONGEST_LINE = 500

const judge = (rules: readonly Rule[], printed: string, peer: Peer): ConnectError | undefined => {
  const text = printed.replaceAll(new RegExp(`(.{${LONGEST_LINE}}).+`, 'g'), '$1')
  for (const [pattern, verdict] of rules) {
    const found = pattern.exec(text)
    if (!found) continue
    const { message, hint, askable, detail } = verdict(peer, found)
    const Kind = askable ? AskableError : ConnectError
    return new Kind(safeLine(message), { host: peer.name, hint: safeLine(hint), ...said(detail ?? text, pattern) })
  }
  return undefined
}

/** The error for ssh that ended with 255 before our first line: it did not get in, unless it does not say why. */
export const notConnected = (stderr: string, peer: Peer): ConnectError =>
  judge(opening, stderr, peer) ??
  judge(becoming, stderr, peer) ??
  new UnfinishedError('the connection ended before the host answered', {
    host: peer.name,
    hint: `ssh ${peer.address}, by hand`,
    ...said(stderr),
  })

/** The error for ssh that ended with 255 after our first line, and never told how the script ended. */
export const lost = (stderr: string, { name }: Peer): UnfinishedError =>
  new UnfinishedError('the connection was lost while a script was running', {
    host: name,
    hint: 'run again: what was cut off is then repaired',
    ...said(stderr),
  })

/** The error for a host that let us in but did not make us root. `printed` is all that it said. */
export const notRoot = (printed: string, code: number, peer: Peer): ConnectError =>
  judge(becoming, printed, peer) ??
  new ConnectError(`the host let us in, but ran nothing (exit ${code})`, {
    host: peer.name,
    hint: `ssh ${peer.address} sh -c id, by hand`,
    ...said(printed),
  })

// The line that told us, else the last one.
const said = (text: string, pattern?: RegExp): { detail?: string } => {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const line = (pattern && lines.findLast((one) => pattern.test(one))) ?? lines.at(-1)
  return line === undefined ? {} : { detail: safeLine(line.trim().slice(0, LONGEST_LINE)) }
}
