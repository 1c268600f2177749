import type { EventEmitter } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { UsageError } from '../errors.ts'
import { safeLine } from './safe.ts'

/** Where questions are asked and answered. */
export type PromptStreams = Readonly<{
  stdin: NodeJS.ReadStream
  /** The terminal that questions are written to; undefined where nobody can be asked. */
  terminal: NodeJS.WriteStream | undefined
  /** Whether the terminal can move its cursor. */
  canMove: boolean
}>

/** A question; `hint` says what to do instead where nobody can be asked, such as `give --user`. */
export type Question = Readonly<{ question: string; hint: string }>

/** Nobody wanted to answer: Ctrl-C or Esc at a question. */
export class NoAnswer extends UsageError {}

/** Yes or no. No is the default, and what Ctrl-C means. @throws UsageError where nobody can be asked. */
export const askYesNo = async (asked: Question, streams: PromptStreams): Promise<boolean> => {
  const format = function (this: Shown, value: unknown) {
    return this.state.submitted ? (value ? 'yes' : 'no') : ''
  }
  if (streams.terminal !== undefined && !streams.canMove) return /^y(es)?$/i.test(await askPlainly(asked, streams))
  return (await ask<boolean>({ type: 'confirm', initial: false, format }, asked, streams)) === true
}

/** A text that is not echoed. @throws UsageError where nobody can be asked, or nobody wanted to answer. */
export const askSecret = (asked: Question, streams: PromptStreams): Promise<string> =>
  answered(asked, ask<string>({ type: 'invisible' }, asked, streams))

/** A line of text; `validate` gives what is wrong with it. @throws UsageError as `askSecret` does. */
export const askText = (
  asked: Question & { initial?: string; validate?: (text: string) => true | string },
  streams: PromptStreams,
): Promise<string> => {
  const { initial, validate } = asked
  return answered(
    asked,
    ask<string>(
      { type: 'input', ...(initial !== undefined && { initial }), ...(validate && { validate }) },
      asked,
      streams,
    ),
  )
}

/** One of several choices; the first is the default. @throws UsageError as `askSecret` does. */
export const askOne = (asked: Question & { choices: readonly string[] }, streams: PromptStreams): Promise<string> =>
  answered(asked, ask<string>({ type: 'select', choices: asked.choices.map(safeLine) }, asked, streams))

/** Some of several choices. @throws UsageError as `askSecret` does. */
export const askSome = (
  asked: Question & { choices: readonly string[] },
  streams: PromptStreams,
): Promise<readonly string[]> =>
  answered(asked, ask<string[]>({ type: 'multiselect', choices: asked.choices.map(safeLine) }, asked, streams))

type Shown = Readonly<{ state: Readonly<{ submitted: boolean }> }>
type Prompt = Readonly<{ type: string }> & Readonly<Record<string, unknown>>

const answered = async <T>({ question, hint }: Question, answer: Promise<T | undefined>): Promise<T> => {
  const given = await answer
  if (given === undefined) throw new NoAnswer(`no answer to: ${question}`, { hint })
  return given
}

// Undefined: nobody wanted to answer (Ctrl-C, Esc).
const ask = async <T>(prompt: Prompt, { question, hint }: Question, streams: PromptStreams): Promise<T | undefined> => {
  const { stdin, terminal: stdout } = streams
  if (stdout === undefined) throw new UsageError(`nobody can be asked here: ${question}`, { hint })
  const { default: Enquirer } = await import('enquirer')
  const enquirer = new Enquirer<{ answer: T }>()
  enquirer.on('start', surviveCtrlC)
  if (prompt.type === 'input') enquirer.on('prompt', joinPastedLines)
  try {
    const options = { ...prompt, name: 'answer', message: safeLine(question), stdin, stdout }
    return (await enquirer.prompt(options)).answer
  } catch (error) {
    // enquirer rejects with a text, or nothing at all, when it was cancelled.
    if (error instanceof Error) throw error
    return undefined
  }
}

const askPlainly = async ({ question }: Question, { stdin, terminal }: PromptStreams): Promise<string> => {
  const lines = createInterface({ input: stdin, output: terminal, terminal: false })
  // Where the input ends, a question would be waited for without end.
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
  try {
    return await Promise.race([lines.question(`${safeLine(question)} (y/N) `), ended])
  } finally {
    lines.close()
  }
}

// A line end that further keys follow at once was pasted with them, and is no Enter: a column of addresses is one answer.
const joinPastedLines = (prompt: EventEmitter & { keypress: Keypress }): void => {
  const { keypress } = prompt
  let enter: NodeJS.Timeout | undefined
  prompt.keypress = async function (this: unknown, input, key) {
    if (enter !== undefined) {
      clearTimeout(enter)
      enter = undefined
      await keypress.call(this, ' ', { name: 'space' })
    }
    if (key?.name !== 'return' && key?.name !== 'enter') return keypress.call(this, input, key)
    enter = setTimeout(() => {
      enter = undefined
      void keypress.call(this, input, key)
    }, 25)
  }
}

type Keypress = (this: unknown, input: string, key?: { name?: string }) => Promise<unknown>

// At Ctrl-C readline closes itself; enquirer 2.4.1 then pauses it, which throws where nobody can catch it.
const surviveCtrlC = (prompt: EventEmitter & { stop: () => void }): void => {
  const { stop } = prompt
  prompt.off('close', stop)
  prompt.once('close', () => {
    try {
      stop()
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ERR_USE_AFTER_CLOSE')) throw error
    }
  })
}
