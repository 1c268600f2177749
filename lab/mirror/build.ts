/** Builds what the cache lacks of the programs, and lays it out as their publishers do. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { PrivateKey } from 'openpgp'
import { readCatalogue } from '../../core/artifacts/catalogue.ts'
import { ensureRequirements } from '../requirements.ts'
import { goBuild, requireGo } from './go.ts'
import { fingerprintOf, makeKey, readKey } from './key.ts'
import { once } from './once.ts'
import { builtDirectory, mirrorPath, moduleDirectory } from './paths.ts'
import type { Program } from './programs.ts'
import { publish } from './publish.ts'

type Log = (line: string) => void

const CATALOGUE = join(import.meta.dirname, '..', '..', 'versions.yaml')

/** The one key of this computer's labs. */
export async function labKey(): Promise<PrivateKey> {
  return readKey(await once(mirrorPath('signing-key.asc'), makeKey))
}

/** Where a program's archive, sums and signature are; whether it is there yet is another question. */
export function siteOf(program: Program, key: PrivateKey): string {
  return `${builtDirectory(program).replace('/built/', '/sites/')}-${fingerprintOf(key).slice(-8).toLowerCase()}`
}

/**
 * Builds and publishes those of the programs that are missing, one after the other.
 * @throws LabError when there is no Go, or when a build fails.
 */
export async function buildMirror(programs: readonly Program[], log: Log): Promise<void> {
  const key = await labKey()
  for (const program of programs) {
    if (existsSync(siteOf(program, key))) continue
    await ensureRequirements(log)
    const binaries = await once(builtDirectory(program), (part) => build(program, part, log))
    await once(siteOf(program, key), (part) => publish(readCatalogue(CATALOGUE), program, binaries, part, key))
  }
}

async function build(program: Program, directory: string, log: Log): Promise<void> {
  await requireGo()
  await mkdir(directory)
  log(`building ${program.product} ${program.version} (once; about ${program.minutes} minutes)`)
  const { cgo, tags, ldflags, targets } = program
  for (const { package: path, name } of targets)
    await goBuild({
      module: moduleDirectory(program),
      package: path,
      output: join(directory, name),
      cgo,
      tags,
      ldflags,
    })
}
