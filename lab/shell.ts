import { accessSync, constants } from 'node:fs'
import { $ } from 'zx'
import { LabError } from './errors.ts'

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }

/**
 * Where the system's programs are. Not PATH: under `npx` and `npm run` the project's own programs come first there, and
 * one of its dependencies brings another `nft`.
 */
export const SYSTEM = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Runs a program, with `input` on its stdin, and says how it ended. Never throws for an exit code. */
export async function attempt(argv: readonly string[], input = ''): Promise<Ran> {
  const env = { ...process.env, PATH: SYSTEM }
  const ran = await $({ quiet: true, nothrow: true, input, env })`${argv}`
  return { code: ran.exitCode ?? 1, stdout: ran.stdout, stderr: ran.stderr }
}

/**
 * Runs a program and returns its stdout.
 * @throws LabError with the last line of its stderr when it fails.
 */
export async function run(argv: readonly string[], input = ''): Promise<string> {
  const ran = await attempt(argv, input)
  if (ran.code !== 0) {
    const reason = ran.stderr.trim().split('\n').at(-1) || ran.stdout.trim().split('\n').at(-1)
    throw new LabError(`lab: ${argv.slice(0, 4).join(' ')} failed (exit ${ran.code}): ${reason}`)
  }
  return ran.stdout
}

/** Whether this process may run the program of that path. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
