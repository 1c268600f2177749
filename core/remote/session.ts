import { randomBytes } from 'node:crypto'
import type { Line, Listener } from './process.ts'

/** What we want of one session on a host. */
export type Request = Readonly<{
  /** One command for `sh`. It travels on stdin, so no list of processes shows it. */
  command: string
  /** What the command reads. */
  input: Uint8Array
  /** For sudo; undefined: sudo must not ask. Who is root already never uses it. */
  password: string | undefined
}>

/** What came of it. */
export type Outcome = Readonly<{
  /** We were root, and the command was handed over. */
  ready: boolean
  /** How often sudo asked for its password. */
  prompts: number
  /** Nothing was heard within 30 s. */
  late: boolean
  /** What was printed before we were root: a banner, or why we could not be. At most 64 KiB. */
  banner: string
}>

const READY_WITHIN = 30
const BANNER_KEPT = 64 * 1024
const BANNER_MOST = 1024 ** 2

/** A script as stdin of `sh -s`: it is parsed to its end before it runs, so a cut connection runs nothing. */
export const whole = (script: string): Buffer =>
  // Two newlines: a script may end in a comment, a heredoc or a backslash.
  Buffer.from(`{ :\n${script}\n\nexit\n}\n`)

/**
 * One session: the command line for ssh and both halves of the conversation. Random lines mark where we became root,
 * where our input starts and how the command ended, so whatever else a shell prints or swallows does no harm.
 */
export const session = (request: Request) => {
  const nonce = randomBytes(9).toString('hex')
  const marks = { ready: `caravan-ready-${nonce}`, start: `caravan-start-${nonce}`, end: `caravan-end-${nonce}` }
  const prompt = `caravan-sudo-${nonce}:`
  const outcome = { ready: false, prompts: 0, late: false, banner: '' }
  const ended = new RegExp(`\\n?${marks.end} (\\d+)\\n`)
  return {
    commandLine: commandLine(marks, request.password === undefined ? '-n' : `-S -p ${prompt}`),
    converse: (line: Line): Listener => listen(line, request, { ...marks, prompt }, outcome),
    outcome: (): Outcome => ({ ...outcome }),
    /** The exit status of the command; undefined when it was not heard to end. */
    status: (stderr: string): number | undefined => {
      const code = ended.exec(stderr)?.[1]
      return code === undefined ? undefined : Number(code)
    },
    /** stderr without what we put there. */
    clean: (stderr: string): string => stderr.replaceAll(prompt, '').replace(ended, ''),
  }
}

type Marks = Readonly<{ ready: string; start: string; end: string }>

// The login shell may be any: one line of words in single quotes without quote, backslash before a quote, or `!`.
const commandLine = (marks: Marks, sudo: string): string => {
  const become = `export LC_ALL=C; case $(id -u) in 0) exec sh -c "$1";; *) exec sudo ${sudo} -- sh -c "$1";; esac`
  return `sh -c '${become}' caravan '${asRoot(marks)}'`
}

// The mark of the end goes to stderr: stdout is handed on while it comes, bytes and all.
const asRoot = ({ ready, start, end }: Marks): string =>
  [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH LC_ALL=C; umask 022; cd /',
    `echo ${ready}`,
    `while :; do IFS= read -r l || exit 1; [ "$l" = ${start} ] && break; done`,
    'IFS= read -r l || exit 1',
    '(eval "$(printf %b "$l")")',
    `s=$?; printf "\\n%s %s\\n" ${end} "$s" >&2; exit "$s"`,
  ].join('; ')

const oneLine = (command: string): string => command.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

type Heard = { ready: boolean; prompts: number; late: boolean; banner: string }

const listen = (
  line: Line,
  { command, input, password }: Request,
  marks: Marks & Readonly<{ prompt: string }>,
  heard: Heard,
): Listener => {
  const handOver = () => {
    line.write(Buffer.from(`${marks.start}\n${oneLine(command)}\n`))
    line.end(input)
  }
  // With a password we wait for root before anything leaves: sudo would take the script for further passwords.
  if (password === undefined) handOver()
  const timer = setTimeout(() => {
    heard.late = true
    line.stop()
  }, READY_WITHIN * 1000).unref()
  const answer = () => {
    heard.prompts++
    if (password === undefined || heard.prompts > 1) line.stop()
    else line.write(Buffer.from(`${password}\n`))
  }
  return {
    stdout: beginAt(`${marks.ready}\n`, heard, line.stop, () => {
      clearTimeout(timer)
      if (password !== undefined) handOver()
    }),
    stderr: hearing(marks.prompt, () => heard.ready || answer()),
  }
}

/** Swallows stdout until the ready line; what precedes it is the banner. One that goes on and on is given up. */
const beginAt = (ready: string, heard: Heard, stop: () => void, begin: () => void) => {
  let before = Buffer.alloc(0)
  let swallowed = 0
  return (piece: Buffer): Buffer => {
    if (heard.ready) return piece
    swallowed += piece.length
    if (swallowed > BANNER_MOST) stop()
    before = Buffer.concat([before, piece])
    const at = before.indexOf(ready)
    heard.banner = before.subarray(0, at < 0 ? undefined : at).toString()
    heard.ready = at >= 0
    if (heard.ready) begin()
    else before = before.subarray(-BANNER_KEPT)
    return heard.ready ? before.subarray(at + ready.length) : Buffer.alloc(0)
  }
}

/** Calls back for each time that a word was spoken, also in pieces. */
const hearing = (word: string, heard: () => void) => {
  let tail = ''
  return (piece: string): void => {
    const parts = (tail + piece).split(word)
    tail = (parts.pop() ?? '').slice(-word.length)
    for (const _ of parts) heard()
  }
}
