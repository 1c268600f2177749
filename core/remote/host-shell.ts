import type { ProcessOutput } from 'zx'
import type { Host } from '../declare/host.ts'
import { callSite, placeIn } from '../declare/resource.ts'
import { CaravanError, DeclarationError, UsageError } from '../errors.ts'
import type { Limit } from './limiter.ts'
import { quote } from './shell.ts'
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

type Word = string | number | bigint | boolean | ProcessOutput
type Value = Word | readonly Word[]
type Tag<Result> = (pieces: TemplateStringsArray, ...values: (Value | PromiseLike<Value>)[]) => Result

/**
 * zx's `$`, on a host: `` await host.$`systemctl is-active ${unit}` ``. The command runs there as root, by `sh`; values
 * are quoted as one word each, arrays as several, and what another command printed is a value too. It gives zx's
 * `ProcessOutput`, and rejects with it as zx does. Options come first: `` host.$({ readOnly: true })`uptime` ``.
 */
export type HostShell = Tag<Promise<ProcessOutput>> & ((options: HostShellOptions) => Tag<Promise<ProcessOutput>>)

/**
 * The `$` of one host. `limit` holds calls back while enough others are at work.
 * @throws UsageError under `--check`, unless the command is marked as read-only; DeclarationError for a value that no
 * command can carry; ConnectError, also when the time is up.
 */
export const hostShell = (
  host: Host,
  transport: Transport,
  { check, limit }: { check: boolean; limit: Limit },
): HostShell => {
  const start = async (
    options: HostShellOptions,
    pieces: TemplateStringsArray,
    values: readonly unknown[],
    at: string,
  ) => {
    const command = commandOf(pieces, await Promise.all(values), { host: host.name, at })
    if (check && options.readOnly !== true)
      throw new UsageError(`--check changes nothing, and this command may: ${command}`, {
        host: host.name,
        at,
        hint: 'mark it if it only reads: host.$({ readOnly: true })`…`',
      })
    const run: RunOptions = options.timeout === undefined ? {} : { timeout: options.timeout }
    return limit(async () => {
      const began = Date.now()
      const output = await outputOf(await transport.run(command, run), command, began)
      if (output.exitCode === 0 || options.nothrow) return output
      throw Object.defineProperty(output, AS_SHOWN, { value: failed(output, command, { host: host.name, at }) })
    })
  }
  return ((first: TemplateStringsArray | HostShellOptions, ...values: unknown[]) =>
    isTemplate(first)
      ? start({}, first, values, callSite())
      : (pieces: TemplateStringsArray, ...inner: unknown[]) => start(first, pieces, inner, callSite())) as HostShell
}

// zx's own error does not know where it comes from.
const AS_SHOWN: unique symbol = Symbol('as it is shown')

/** What a playbook threw, as it is shown: a command that failed with its host, a slip of its own with its line. */
export const thrownByPlaybook = (thrown: unknown): unknown => {
  if (thrown instanceof AggregateError) return new AggregateError(thrown.errors.map(thrownByPlaybook))
  if (!(thrown instanceof Error) || thrown instanceof CaravanError) return thrown
  if (AS_SHOWN in thrown) return thrown[AS_SHOWN]
  return new CaravanError(`${thrown.name}: ${thrown.message}`, { at: placeIn(thrown.stack ?? '') })
}

type Place = Readonly<{ host: string; at: string }>

const isTemplate = (first: TemplateStringsArray | HostShellOptions): first is TemplateStringsArray =>
  Array.isArray(first)

const commandOf = (pieces: TemplateStringsArray, values: readonly unknown[], place: Place): string => {
  // of an escape that means nothing, JavaScript leaves undefined
  if (pieces.some((piece) => piece === undefined)) throw new DeclarationError('the command holds a bad escape', place)
  return pieces.map((piece, index) => piece + (index < values.length ? words(values[index], place) : '')).join('')
}

// zx's own `quote` writes `$'…'`, which only bash understands.
const words = (value: unknown, place: Place): string =>
  [value]
    .flat()
    .map((one) => quote(textOf(one, place)))
    .join(' ')

const textOf = (value: unknown, place: Place): string => {
  const text = isOutput(value) ? value.stdout.trimEnd() : value
  if (!['string', 'number', 'bigint', 'boolean'].includes(typeof text))
    throw new DeclarationError(
      `a command cannot be given ${text === null ? 'null' : `a value of type ${typeof text}`}`,
      place,
    )
  const word = String(text)
  if (word.includes('\0') || !word.isWellFormed())
    throw new DeclarationError('a command cannot be given a NUL byte, or half a character', place)
  return word
}

const isOutput = (value: unknown): value is ProcessOutput =>
  typeof value === 'object' && value !== null && 'stdout' in value && typeof value.stdout === 'string'

// A run that has no use for zx does not load it.
const outputOf = async (
  { stdout, stderr, code }: ScriptResult,
  command: string,
  began: number,
): Promise<ProcessOutput> => {
  const { ProcessOutput } = await import('zx')
  const text = stdout.toString()
  const message = code === 0 ? '' : ProcessOutput.getExitMessage(code, null, stderr, `\n    in: ${command}`, stderr)
  return new ProcessOutput(code, null, text, stderr, text + stderr, message, Date.now() - began)
}

const failed = ({ exitCode, stderr, stdout }: ProcessOutput, command: string, place: Place): CaravanError => {
  const said = (stderr.trim() || stdout.trim()).slice(-4000)
  return new CaravanError(`exit ${exitCode}: ${command}`, { ...place, detail: said || undefined })
}
