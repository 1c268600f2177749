import { ConnectError } from '../errors.ts'
import { givenUp } from './given-up.ts'
import { runProcess } from './process.ts'
import { whole } from './session.ts'
import type { RunOptions, ScriptResult, Transport } from './transport.ts'

/** Options of the local transport. */
export type LocalOptions = Readonly<{
  /** Named in errors. Default: none. */
  host?: string
  /** The environment of scripts. Default: our own. */
  env?: Readonly<Record<string, string>>
  /** The working directory of scripts. Default: our own. */
  cwd?: string
}>

/** Runs scripts with this computer's own `sh`, as the user that we are. */
export const localTransport = (options: LocalOptions = {}): Transport => {
  let roundTrips = 0
  const closed = new AbortController()
  const sh = async (args: readonly string[], input: Uint8Array, run: RunOptions = {}): Promise<ScriptResult> => {
    roundTrips++
    const signal = run.signal ? AbortSignal.any([run.signal, closed.signal]) : closed.signal
    const { ending, stdout, stderr } = await runProcess(
      {
        command: 'sh',
        args,
        env: options.env,
        cwd: options.cwd,
        killGroup: true,
        converse: (line) => {
          line.end(input)
          return { stdout: (piece) => piece, stderr: () => undefined }
        },
      },
      { ...run, signal },
    )
    if (ending.kind === 'exit') return { stdout, stderr, code: ending.code }
    if (ending.kind === 'unstartable') {
      throw new ConnectError(`cannot run sh on this computer: ${ending.reason}`, { host: options.host })
    }
    throw givenUp(ending.kind, options.host, run)
  }
  return {
    run: (script, run) => sh(['-s'], whole(script), run),
    send: (command, input, run) => sh(['-c', command], input, run),
    roundTrips: () => roundTrips,
    connectSeconds: () => 0,
    close: async () => closed.abort(),
  }
}
