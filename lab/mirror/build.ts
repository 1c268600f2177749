/** Builds what the cache lacks of the programs, and lays it out as their publishers do. */
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { PrivateKey } from 'openpgp'
import { type Catalogue, readCatalogue } from '../../core/artifacts/catalogue.ts'
import { lockedBy } from '../lock.ts'
import { ensureRequirements } from '../requirements.ts'
import { goBuild, requireGo } from './go.ts'
import { fingerprintOf, signingKey } from './key.ts'
import { builtDirectory, mirrorPath, moduleDirectory } from './paths.ts'
import type { Program } from './programs.ts'
import { publish } from './publish.ts'

type Log = (line: string) => void

const CATALOGUE = join(import.meta.dirname, '..', '..', 'versions.yaml')

/** The one key of this computer's labs. */
export function labKey(): Promise<PrivateKey> {
  return signingKey(mirrorPath('signing-key.asc'))
}

/** Where a program's archive, sums and signature are; whether it is there yet is another question. */
export function siteOf(program: Program, key: PrivateKey): string {
  return `${builtDirectory(program).replace('/built/', '/sites/')}-${fingerprintOf(key).slice(-8).toLowerCase()}`
}

/**
 * Builds and publishes those of the programs that are missing, one after the other. Another lab that builds is waited
 * for.
 * @throws LabError when there is no Go, or when a build fails.
 */
export async function buildMirror(programs: readonly Program[], log: Log): Promise<void> {
  const keyFile = mirrorPath('signing-key.asc')
  if (!existsSync(keyFile)) await locked(() => signingKey(keyFile))
  const key = await labKey()
  for (const program of programs) {
    if (existsSync(siteOf(program, key))) continue
    await locked(async () => {
      await ensureRequirements(log)
      await build(program, log)
      await lay(program, readCatalogue(CATALOGUE), key)
    })
  }
}

const MINUTES = 60

function locked<T>(work: () => Promise<T>): Promise<T> {
  return lockedBy(mirrorPath('lock'), MINUTES, work)
}

async function build(program: Program, log: Log): Promise<void> {
  const directory = builtDirectory(program)
  if (existsSync(directory)) return
  await requireGo()
  log(`building ${program.product} ${program.version} (once; about ${program.minutes} minutes)`)
  const { cgo, tags, ldflags } = program
  await made(directory, async (part) => {
    for (const { package: path, name } of program.targets)
      await goBuild({ module: moduleDirectory(program), package: path, output: join(part, name), cgo, tags, ldflags })
  })
}

async function lay(program: Program, catalogue: Catalogue, key: PrivateKey): Promise<void> {
  const site = siteOf(program, key)
  if (!existsSync(site)) await made(site, (part) => publish(catalogue, program, builtDirectory(program), part, key))
}

/** A directory that is there whole or not at all. */
async function made(directory: string, fill: (part: string) => Promise<void>): Promise<void> {
  const part = `${directory}.part`
  await rm(part, { recursive: true, force: true })
  await mkdir(part, { recursive: true })
  await fill(part)
  await rename(part, directory)
}
