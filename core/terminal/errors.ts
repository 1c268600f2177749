import { asCaravanError, CaravanError } from '../errors.ts'
import { errorLines } from './error-view.ts'
import type { ErrorEvent } from './events.ts'
import { jsonLine } from './json-line.ts'
import { safeText } from './safe.ts'
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
  const all = unfold(thrown)
  if (json) {
    for (const one of all) stdout.write(jsonLine({ event: 'error', error: errorEvent(asCaravanError(one)) }))
    return
  }
  const style = createStyle(wantsColours(stderr.isTTY === true, env))
  const lines = errorLines(
    all.map((one) => errorEvent(asCaravanError(one))),
    style,
  )
  const stacks = verbose ? all.filter((one) => !(one instanceof CaravanError)).map(stackOf) : []
  stderr.write(`${[...lines, ...stacks.map((stack) => style.dim(stack))].join('\n')}\n`)
}

/** An error as the events tell it. */
export const errorEvent = ({ message, details }: CaravanError): ErrorEvent => ({ message, ...details })

const unfold = (thrown: unknown): readonly unknown[] =>
  thrown instanceof AggregateError && thrown.errors.length > 0 ? thrown.errors.flatMap(unfold) : [thrown]

const stackOf = (thrown: unknown): string => safeText(thrown instanceof Error ? (thrown.stack ?? '') : String(thrown))
