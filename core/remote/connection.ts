import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { AskableError } from '../errors.ts'
import { isListening } from './control-path.ts'
import { overSsh, type Route, sshArguments } from './over-ssh.ts'
import { whole } from './session.ts'
import { sudoPasswordOf } from './sudo-password.ts'
import type { RunOptions, ScriptResult, Transport } from './transport.ts'

/** One host's connection, as the fleet holds it. */
export type Connection = Readonly<{
  transport: Transport
  connect: () => Promise<void>
  ask: () => Promise<void>
}>

export type ConnectionOptions = Readonly<{
  route: Route
  /** The control socket. Beside it, `.root` says that we became root over it without a person. */
  socket: string
  askPassword: ((question: string) => Promise<string>) | undefined
}>

const SUDO_TRIES = 3

/** Nothing happens before the first `connect`, `ask` or script. */
export const sshConnection = (options: ConnectionOptions): Connection => {
  const { route, socket } = options
  const mark = `${socket}.root`
  const closed = new AbortController()
  let opened: Promise<void> | undefined
  let password: string | undefined
  let typed = false
  let seconds = 0
  let roundTrips = 0

  const open = async (): Promise<void> => {
    password ??= await sudoPasswordOf(route.host)
    if (existsSync(mark) && (await isListening(socket))) return
    seconds = await becomeRoot(route, password, closed.signal)
    // Without the mark the next run asks the host again: slower, but right.
    if (!typed) await writeFile(mark, '', { mode: 0o600 }).catch(() => undefined)
  }
  const connect = (): Promise<void> => {
    opened ??= open().catch((error) => {
      opened = undefined
      throw error
    })
    return opened
  }
  const usePassword = (answer: string): void => {
    password = answer
    typed = true
  }
  const send = async (command: string, input: Uint8Array, run: RunOptions = {}): Promise<ScriptResult> => {
    roundTrips++
    if (!run.fresh) await connect()
    const signal = run.signal ? AbortSignal.any([run.signal, closed.signal]) : closed.signal
    try {
      return await overSsh(route, { command, input, password }, { ...run, signal })
    } catch (error) {
      if (error instanceof AskableError) rmSync(mark, { force: true })
      throw error
    }
  }
  const transport: Transport = {
    run: (script, run) => send('exec sh -s', whole(script), run),
    send,
    roundTrips: () => roundTrips,
    connectSeconds: () => seconds,
    close: async () => closed.abort(),
  }
  return { transport, connect, ask: () => askUntilOpen(options, connect, usePassword) }
}

/** Opens the connection by a command that does nothing. Returns the seconds that it took. */
const becomeRoot = async (route: Route, password: string | undefined, signal: AbortSignal): Promise<number> => {
  const began = performance.now()
  await overSsh(route, { command: ':', input: new Uint8Array(), password }, { signal })
  return (performance.now() - began) / 1000
}

/** Each round mends the one thing that the last attempt stopped at. */
const askUntilOpen = async (
  { route, socket, askPassword }: ConnectionOptions,
  connect: () => Promise<void>,
  usePassword: (password: string) => void,
): Promise<void> => {
  for (let atSsh = 0, atSudo = 0; ; ) {
    const error: unknown = await connect().catch((thrown) => thrown)
    if (error === undefined) return
    if (!(error instanceof AskableError)) throw error
    // An open socket means that ssh let us in, so it is sudo that waits for a person.
    if (await isListening(socket)) {
      if (askPassword === undefined || atSudo++ === SUDO_TRIES) throw error
      usePassword(await askPassword(`${route.host.name}: password for sudo`))
    } else {
      if (atSsh++ > 0) throw error
      await atTerminal(route)
    }
  }
}

/** Lets ssh ask what it has to, on the terminal itself. Whether it helped, the next attempt tells. */
const atTerminal = (route: Route): Promise<void> =>
  new Promise((resolve) => {
    const hostKeys = route.host.ssh.hostKeys.length > 0 ? 'refuse' : 'ask'
    const args = [...sshArguments({ ...route, hostKeys }, false), ':']
    const ssh = spawn('ssh', args, { stdio: ['ignore', 'ignore', 'inherit'] })
    ssh.once('exit', () => resolve()).once('error', () => resolve())
  })
