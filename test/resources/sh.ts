import { spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'

/** How a script ended, and what it printed. */
export type Ran = Readonly<{ code: number; stdout: string; stderr: string }>

/** Which shell the tests run fragments with. */
export const shell = realpathSync('/bin/sh')

/** Someone who is not root and owns nothing; as Debian's `nobody`. */
const NOBODY = 65534

/** Runs a script as a host does: text on the stdin of `sh -s`. `nobody`: without the rights of root, if we are root. */
export const sh = (script: string, options: { nobody?: boolean; env?: Record<string, string> } = {}): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const drop = options.nobody && process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
    const child = spawn('/bin/sh', ['-s'], {
      ...drop,
      env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', ...options.env },
    })
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
export const fragment = (text: string, options: Parameters<typeof sh>[1] = {}): Promise<Ran> =>
  sh(`umask 022\n(\nset -e\n${text}\n) </dev/null\nexit $?`, options)
