/** Background programs of the lab: each is known by a pid file, and only those are ever signalled. */
import { spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { processStat } from '../core/remote/own-process.ts'
import { labPath } from './config.ts'
import { LabError } from './errors.ts'
import { SYSTEM } from './shell.ts'

/** A process as a pid file names it: the start time tells it from a later process with the same pid. */
type Known = { readonly pid: number; readonly started: string }

/** When a process started, in clock ticks since boot, or undefined when it is gone. Source: proc(5), stat field 22. */
export function startTime(pid: number): string | undefined {
  return processStat(pid)?.started
}

/** The pid of a daemon of the lab, or undefined when it does not run. */
export function daemonPid(name: string): number | undefined {
  try {
    const known: Known = JSON.parse(readFileSync(labPath(`${name}.pid`), 'utf8'))
    return startTime(known.pid) === known.started ? known.pid : undefined
  } catch {
    return undefined
  }
}

/** Starts a program that outlives this one, unless it already runs. Its output goes to NAME.log. */
export async function startDaemon(
  name: string,
  argv: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  if (daemonPid(name)) return
  const [program = '', ...args] = argv
  const log = openSync(labPath(`${name}.log`), 'w')
  const everything = { ...process.env, PATH: SYSTEM, ...env }
  const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], env: everything })
  const failed = new Promise<Error>((resolve) => child.once('error', resolve))
  child.unref()
  if (!child.pid) throw new LabError(`lab: cannot start ${name}: ${(await failed).message}`)
  const known: Known = { pid: child.pid, started: startTime(child.pid) ?? '' }
  await writeFile(labPath(`${name}.pid`), JSON.stringify(known))
  await sleep(50)
  if (!daemonPid(name)) throw new LabError(`lab: ${name} ended at once`, { hint: `read ${labPath(`${name}.log`)}` })
}

/** Ends a daemon and waits until it has; kills it when it takes longer than `seconds`. */
export async function stopDaemon(name: string, seconds = 5): Promise<void> {
  const pid = daemonPid(name)
  if (pid) {
    process.kill(pid, 'SIGTERM')
    if (!(await waitFor(() => !daemonPid(name), seconds))) process.kill(pid, 'SIGKILL')
  }
  await rm(labPath(`${name}.pid`), { force: true })
}

/** Asks again and again, until yes (true) or until the time is up (false). */
export async function waitFor(condition: () => boolean | Promise<boolean>, seconds: number): Promise<boolean> {
  const end = Date.now() + seconds * 1000
  while (!(await condition())) {
    if (Date.now() > end) return false
    await sleep(50)
  }
  return true
}
