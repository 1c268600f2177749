/** Where the mirror keeps what it made. All labs of this computer share it. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../config.ts'
import { moduleOf, type Program } from './programs.ts'

/** This computer's architecture, and so the machines', as Debian and Go call it. */
export const ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64'

/** A path in the mirror's cache. */
export function mirrorPath(...parts: string[]): string {
  return join(cacheDir(), 'mirror', ...parts)
}

/** Of the module that pins the sources of a program. */
export function moduleDirectory(program: Program): string {
  return join(import.meta.dirname, 'modules', moduleOf(program))
}

/** The program's binaries: another recipe is another directory. */
export function builtDirectory(program: Program): string {
  const { minutes: _, use: __, ...recipe } = program
  return mirrorPath('built', `${moduleOf(program)}-${hashOf(moduleDirectory(program), JSON.stringify([recipe, ARCH]))}`)
}

/** Twelve hexadecimal digits that change with the files of a directory, or with `more`. */
export function hashOf(directory: string, more = ''): string {
  const hash = createHash('sha256').update(more)
  for (const name of readdirSync(directory).sort())
    hash.update(`\0${name}\0`).update(readFileSync(join(directory, name)))
  return hash.digest('hex').slice(0, 12)
}
