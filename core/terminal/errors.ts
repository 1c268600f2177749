import { asCaravanError, CaravanError } from '../errors.ts'
import { errorLines } from './error-view.ts'
import type { ErrorEvent } from './events.ts'
import { jsonLine } from './json-line.ts'
import { createStyle, wantsColours } from './style.ts'

export type PrintErrorOptions = Readonly<{
  /** The error is an event on stdout; nothing is written for people. */
  json: boolean
  /** With the stack trace of an error that is a defect of ours. */
  verbose: boolean
  stdout?: Output
  stderr?: Output
  env?: NodeJS.ProcessEnv
}>

type Output = Readonly<{ isTTY?: boolean; write: (text: string) => unknown }>

/**
 * Prints whatever ended a playbook, each error of an AggregateError by itself. The exit status is the caller's to set.
 * People read it on stderr; `--json` puts it on stdout as `error` events.
 */
export const printError = (thrown: unknown, options: PrintErrorOptions): void => {
  const { json, verbose, stdout = process.stdout, stderr = process.stderr, env = process.env } = options
  const errors = unfold(thrown).map((one) => errorEvent(one, verbose))
  if (json) for (const error of errors) stdout.write(jsonLine({ event: 'error', error }))
  else stderr.write(`${errorLines(errors, createStyle(wantsColours(stderr.isTTY === true, env))).join('\n')}\n`)
}

const errorEvent = (thrown: unknown, verbose: boolean): ErrorEvent => {
  const { message, details } = asCaravanError(thrown)
  const stack = verbose && !(thrown instanceof CaravanError) && thrown instanceof Error ? thrown.stack : undefined
  return { message, ...details, ...(stack !== undefined && { detail: stack }) }
}

const unfold = (thrown: unknown): readonly unknown[] =>
  thrown instanceof AggregateError && thrown.errors.length > 0 ? thrown.errors.flatMap(unfold) : [thrown]
