import { ProcessOutput } from 'zx'
import type { Host } from '../declare/host.ts'
import { UsageError } from '../errors.ts'
import { words } from './shell.ts'
import type { RunOptions, ScriptResult, Transport } from './transport.ts'

/** How one command is run. */
export type HostShellOptions = Readonly<{
  /** True: it changes nothing, so it may run under `--check` too. Default false. */
  readOnly?: boolean
  /** True: an exit status other than 0 is no error. Default false. */
  nothrow?: boolean
  /** Seconds until it is given up. Default 120. */
  timeout?: number
}>

type Value = string | number | boolean | ProcessOutput | readonly (string | number)[]
type Tag<Result> = (pieces: TemplateStringsArray, ...values: (Value | Promise<Value>)[]) => Result

/**
 * zx's `$`, on a host: `` await host.$`systemctl is-active ${unit}` ``. The command runs there as root, by `sh`; values
 * are quoted as one word each, arrays as several. It gives zx's `ProcessOutput`, and rejects with it as zx does.
 * Options come first: `` host.$({ readOnly: true })`uptime` ``.
 */
export type HostShell = Tag<Promise<ProcessOutput>> & ((options: HostShellOptions) => Tag<Promise<ProcessOutput>>)

/**
 * The `$` of one host. `limit` holds calls back while enough others are at work.
 * @throws UsageError under `--check`, unless the command is marked as read-only; ConnectError.
 */
export const hostShell = (
  host: Host,
  transport: Transport,
  { check, limit }: { check: boolean; limit: <T>(work: () => Promise<T>) => Promise<T> },
): HostShell => {
  const start = async (options: HostShellOptions, pieces: TemplateStringsArray, values: readonly unknown[]) => {
    const command = String.raw({ raw: pieces }, ...(await Promise.all(values)).map(quoteValue))
    if (check && options.readOnly !== true)
      throw new UsageError(`--check changes nothing, and this command may: ${command}`, {
        host: host.name,
        hint: 'mark it if it only reads: host.$({ readOnly: true })`…`',
      })
    const began = Date.now()
    const runOptions: RunOptions = options.timeout === undefined ? {} : { timeout: options.timeout }
    const result = await limit(() => transport.run(command, runOptions))
    return settle(result, command, Date.now() - began, options)
  }
  return ((first: TemplateStringsArray | HostShellOptions, ...values: unknown[]) =>
    isTemplate(first)
      ? start({}, first, values)
      : (pieces: TemplateStringsArray, ...inner: unknown[]) => start(first, pieces, inner)) as HostShell
}

const isTemplate = (first: TemplateStringsArray | HostShellOptions): first is TemplateStringsArray =>
  Array.isArray(first)

// zx's own `quote` writes `$'…'`, which only bash understands.
const quoteValue = (value: unknown): string => {
  if (value instanceof ProcessOutput) return words([value.stdout.trimEnd()])
  if (Array.isArray(value)) return words(value.map(String))
  if (typeof value === 'object' || value === undefined) throw new TypeError(`cannot pass ${typeof value} to a command`)
  return words([String(value)])
}

const settle = (
  result: ScriptResult,
  command: string,
  duration: number,
  { nothrow }: HostShellOptions,
): ProcessOutput => {
  const { stderr, code } = result
  const stdout = result.stdout.toString()
  const message = code === 0 ? '' : ProcessOutput.getExitMessage(code, null, stderr, `\n    in: ${command}`, stderr)
  const output = new ProcessOutput(code, null, stdout, stderr, stdout + stderr, message, duration)
  if (code === 0 || nothrow) return output
  throw output
}
