import { createDisplay } from './display.ts'
import type { Emit } from './events.ts'
import { jsonLine } from './json-line.ts'
import { askOne, askSecret, askSome, askText, askYesNo, type PromptStreams } from './prompts.ts'
import { createRunRecord } from './run-record.ts'
import { createStyle, wantsColours } from './style.ts'

export type UiOptions = Readonly<{
  /** stdout has events and nothing else, one a line; nobody is asked anything. */
  json: boolean
  /** Phases with their times, a table at the end in any case, the slowest resources. */
  verbose: boolean
  /** Unified diffs in the plan. */
  diff: boolean
  stdout?: NodeJS.WriteStream
  stderr?: NodeJS.WriteStream
  stdin?: NodeJS.ReadStream
  /** Whether a person looks at stdout. Default: what stdout says. */
  isTTY?: boolean
  /** Columns of the terminal. Default: what stdout says, else 100; 60 to 200 are used. */
  columns?: number
  env?: NodeJS.ProcessEnv
  /** Where records of runs are kept. Default: none are. */
  recordDir?: string
}>

/** What a run needs of whoever watches it. */
export type Ui = Readonly<{
  emit: Emit
  /**
   * Asks for a yes; no is the default, and what Ctrl-C means.
   * @throws UsageError, at once, where nobody can be asked. `flag` is what it names; default `--yes`.
   */
  confirm: (question: string, options?: { flag?: string }) => Promise<boolean>
  /** Asks for a password without echo. @throws UsageError where nobody can be asked, or nobody wanted to answer. */
  askPassword: (question: string, options?: { hint?: string }) => Promise<string>
  /** Asks for a line of text. @throws UsageError as `askPassword` does. */
  ask: (question: string, options: { hint: string; initial?: string; validate?: Validate }) => Promise<string>
  /** Asks for one of several choices; the first is the default. @throws UsageError as `askPassword` does. */
  pick: (question: string, choices: readonly string[], options: { hint: string }) => Promise<string>
  /** Asks for some of several choices. @throws UsageError as `askPassword` does. */
  choose: (question: string, choices: readonly string[], options: { hint: string }) => Promise<readonly string[]>
  /** Runs what talks to the terminal itself, such as ssh that asks for a passphrase, with the display out of its way. */
  handOver: <T>(work: () => Promise<T>) => Promise<T>
  /** Ends the display; everything that was told is written then. */
  close: () => Promise<void>
}>

type Validate = (text: string) => true | string

/** The two ends of a run: events go to the screen or to stdout as they are, and into its record; questions to a person. */
export const createUi = (options: UiOptions): Ui => {
  const { json, verbose, diff, stdout = process.stdout, stderr = process.stderr, env = process.env } = options
  const { stdin = process.stdin, isTTY = stdout.isTTY === true, recordDir } = options
  const style = createStyle(wantsColours(isTTY, env))
  const columns = () => options.columns ?? stdout.columns ?? 100
  const canMove = isTTY && env.TERM !== 'dumb'
  const display = json ? undefined : createDisplay({ stdout, stderr, verbose, diff, canMove, columns, style })
  const show: Emit = display?.emit ?? ((event) => stdout.write(jsonLine(event)))
  const record = recordDir === undefined ? undefined : createRunRecord(recordDir, show)
  const settle = async () => display?.settle()
  for (const stream of [stdout, stderr]) surviveClosedPipe(stream)

  const terminal = isTTY ? stdout : stderr.isTTY === true ? stderr : undefined
  const streams: PromptStreams = {
    stdin,
    terminal: json || stdin.isTTY !== true ? undefined : terminal,
    canMove: env.TERM !== 'dumb',
  }
  const asking = async <T>(ask: () => Promise<T>): Promise<T> => {
    await settle()
    return ask()
  }
  return Object.freeze({
    emit: (event) => {
      show(event)
      record?.(event)
    },
    confirm: (question, { flag = '--yes' } = {}) => asking(() => askYesNo({ question, hint: `add ${flag}` }, streams)),
    askPassword: (question, { hint = 'run it in a terminal' } = {}) =>
      asking(() => askSecret({ question, hint }, streams)),
    ask: (question, rest) => asking(() => askText({ question, ...rest }, streams)),
    pick: (question, choices, { hint }) => asking(() => askOne({ question, choices, hint }, streams)),
    choose: (question, choices, { hint }) => asking(() => askSome({ question, choices, hint }, streams)),
    handOver: asking,
    close: settle,
  } satisfies Ui)
}

// Whoever reads us may leave early (`| head`); that is no reason to leave a cluster half done.
const surviveClosedPipe = (stream: NodeJS.WriteStream): void => {
  if (!stream.listeners('error').includes(ignoreClosedPipe)) stream.on('error', ignoreClosedPipe)
}

const ignoreClosedPipe = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'EPIPE') throw error
}
