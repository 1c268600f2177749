import { spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'

/** How a script ended, and what it printed. */
export type Ran = Readonly<{ code: number; stdout: string; stderr: string }>

export type ShOptions = Readonly<{
  /** Without the rights of root, if we have them: as someone who owns nothing. */
  nobody?: boolean
  env?: Readonly<Record<string, string>>
  /** A process whose mounts and network are used instead of ours. */
  inside?: number
}>

/** Which shell the tests run fragments with. */
export const shell = realpathSync('/bin/sh')

/** Debian's number of the user and group `nobody`. */
export const NOBODY = 65534

/** Runs a script as a host does: text on the stdin of `sh -s`. */
export const sh = (script: string, { nobody = false, env = {}, inside }: ShOptions = {}): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const drop = nobody && process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
    const enter = inside === undefined ? [] : ['nsenter', '-t', `${inside}`, '--mount', '--net']
    const [program = '', ...words] = [...enter, '/bin/sh', '-s']
    const child = spawn(program, words, { ...drop, env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', ...env } })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (piece: Buffer) => stdout.push(piece))
    child.stderr.on('data', (piece: Buffer) => stderr.push(piece))
    child.on('error', reject)
    child.on('close', (code) =>
      resolve({ code: code ?? -1, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    )
    child.stdin.end(`{\n${script}\nexit\n}\n`)
  })

/** Runs a fragment as the engine does: in a subshell of its own under `set -e`, with nothing on its stdin. */
export const fragment = (text: string, options: ShOptions = {}): Promise<Ran> =>
  sh(`umask 022\n(\nset -e\n${text}\n) </dev/null\nexit $?`, options)
