/** What a script printed and how it ended. */
export type ScriptResult = Readonly<{
  /** At most `maxOutput` bytes. */
  stdout: Buffer
  /** The last 64 KiB. */
  stderr: string
  /** The exit status of the script. */
  code: number
}>

/** Options of one run. */
export type RunOptions = Readonly<{
  /** Seconds until the run is given up. Default 120. */
  timeout?: number
  /** Bytes of stdout that are kept at most; beyond it the run is given up. Default 16 MiB. */
  maxOutput?: number
  /** Called with each piece of stdout as it comes. */
  onOutput?: (piece: Buffer) => void
  /** Over a connection of its own, which proves that the host lets new ones in. Default: the open one. */
  fresh?: boolean
  /** Ends the run early. */
  signal?: AbortSignal
}>

/**
 * A way to run scripts as root on one host. Each `run` or `send` is one round trip.
 * @throws ConnectError when the host cannot be reached, refuses us, or the connection is lost.
 */
export type Transport = Readonly<{
  /** Runs text for POSIX `sh` as root. The text arrives whole before its first command runs. */
  run: (script: string, options?: RunOptions) => Promise<ScriptResult>
  /** Runs one short command line for `sh` as root with these bytes on its stdin. */
  send: (command: string, input: Uint8Array, options?: RunOptions) => Promise<ScriptResult>
  /** How often `run` and `send` were called. */
  roundTrips: () => number
  /** Seconds that went by before the connection could carry a script; 0 where one was open already. */
  connectSeconds: () => number
  close: () => Promise<void>
}>
