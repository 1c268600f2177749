import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { byteStore } from './byte-store.ts'
import type { RunOptions } from './transport.ts'

/** How a process ended, or why we gave it up. A program that is not there is `unstartable` because of `ENOENT`. */
export type Ending =
  | Readonly<{ kind: 'exit'; code: number }>
  | Readonly<{ kind: 'unstartable'; reason: string }>
  | Readonly<{ kind: 'timeout' | 'overflow' | 'aborted' | 'stopped' }>

/** What a process left: at most `maxOutput` bytes of stdout and the last 64 KiB of stderr. */
export type Ended = Readonly<{ ending: Ending; stdout: Buffer; stderr: string }>

/** What a conversation may do to its process. */
export type Line = Readonly<{
  write: (input: Uint8Array) => void
  /** Writes the last of its stdin, and closes it. */
  end: (input: Uint8Array) => void
  /** Gives the process up. */
  stop: () => void
}>

/** What hears a process as it speaks. */
export type Listener = Readonly<{
  /** Gives what of this piece of stdout counts as output. */
  stdout: (piece: Buffer) => Buffer
  stderr: (piece: string) => void
}>

/** A program, and the conversation that we hold with it. */
export type Process = Readonly<{
  command: string
  args: readonly string[]
  env?: NodeJS.ProcessEnv | undefined
  cwd?: string | undefined
  /** True: giving it up kills its children too. */
  killGroup?: true
  converse: (line: Line) => Listener
}>

export const DEFAULT_TIMEOUT = 120
export const DEFAULT_MAX_OUTPUT = 16 * 1024 ** 2
const STDERR_KEPT = 64 * 1024
// What is still in the pipe of stderr arrives at once; a background master of an old OpenSSH keeps it open for ever.
const STDERR_GRACE = 200

/** Runs a program without a terminal until it ends or is given up. Rejects only with what `onOutput` throws. */
export const runProcess = async (program: Process, options: RunOptions = {}): Promise<Ended> => {
  if (options.signal?.aborted) return { ending: { kind: 'aborted' }, stdout: Buffer.alloc(0), stderr: '' }
  const { command, args, env, cwd } = program
  // Without a controlling terminal nothing can ask there, and Ctrl-C reaches us alone.
  const child = spawn(command, args, { env, cwd, detached: true, stdio: 'pipe' })
  // The other side may end before it has read everything: its exit status tells.
  child.stdin.on('error', () => undefined)
  const given = Promise.withResolvers<Ending>()
  const giveUp = (kind: 'timeout' | 'overflow' | 'aborted' | 'stopped') => () => given.resolve({ kind })
  const listener = program.converse({
    write: (input) => child.stdin.write(input),
    end: (input) => child.stdin.end(input),
    stop: giveUp('stopped'),
  })
  const output = collect(child, listener, options, { overflow: giveUp('overflow'), failed: given.reject })
  const timer = setTimeout(giveUp('timeout'), milliseconds(options.timeout))
  const aborted = giveUp('aborted')
  options.signal?.addEventListener('abort', aborted)
  let over = false
  try {
    const ending = await Promise.race([given.promise, ended(child)])
    over = ending.kind === 'exit'
    return { ending, stdout: output.stdout(), stderr: output.stderr() }
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', aborted)
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
    if (!over) kill(child, program.killGroup === true)
  }
}

// A longer timer than this would fire at once.
const milliseconds = (seconds = DEFAULT_TIMEOUT): number => Math.min(seconds * 1000, 2 ** 31 - 1)

// The exit status once stdout has ended. Node's `close` would wait for stderr as well.
const ended = (child: ChildProcess): Promise<Ending> =>
  new Promise((resolve) => {
    const stdout = new Promise((done) => child.stdout?.once('close', done))
    const stderr = new Promise((done) => child.stderr?.once('close', done))
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ kind: 'unstartable', reason: error.code ?? error.message }),
    )
    child.once('exit', async (code, signal) => {
      await stdout
      await Promise.race([stderr, sleep(STDERR_GRACE, undefined, { ref: false })])
      resolve({ kind: 'exit', code: code ?? 128 + (constants.signals[signal ?? 'SIGKILL'] ?? 0) })
    })
  })

const collect = (
  child: ChildProcess,
  listener: Listener,
  { maxOutput = DEFAULT_MAX_OUTPUT, onOutput }: RunOptions,
  report: Readonly<{ overflow: () => void; failed: (error: unknown) => void }>,
) => {
  const stdout = byteStore()
  let left = maxOutput
  let leftOfStderr = maxOutput
  let stderr = ''
  const keep = (piece: Buffer): void => {
    left -= piece.length
    stdout.add(piece)
    try {
      onOutput?.(piece)
    } catch (error) {
      report.failed(error)
    }
  }
  child.stdout?.on('data', (piece: Buffer) => {
    const counted = listener.stdout(piece)
    const kept = counted.subarray(0, left)
    if (kept.length > 0) keep(kept)
    if (kept.length < counted.length) report.overflow()
  })
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    stderr = (stderr + piece).slice(-STDERR_KEPT)
    listener.stderr(piece)
    leftOfStderr -= piece.length
    if (leftOfStderr < 0) report.overflow()
  })
  return { stdout: stdout.bytes, stderr: () => stderr }
}

const kill = (child: ChildProcess, group: boolean): void => {
  if (child.pid === undefined) return
  if (!group) child.kill('SIGTERM')
  else
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // The whole group has ended already.
    }
}
