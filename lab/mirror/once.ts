/** What the cache holds is made once for all labs of this computer. */
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { lockedBy } from '../lock.ts'

// A big program on a busy computer.
const MINUTES = 60

/**
 * Makes a file or a directory, unless it is there: whole or not at all, under another name first. Another lab that makes
 * it is waited for.
 * @throws LabError for anybody but root, or when another lab takes more than an hour; and what `make` throws.
 */
export async function once(path: string, make: (part: string) => Promise<void>): Promise<string> {
  if (existsSync(path)) return path
  await mkdir(dirname(path), { recursive: true })
  await lockedBy(`${path}.lock`, MINUTES, async () => {
    if (existsSync(path)) return
    const part = `${path}.part`
    const scrap = () => rm(part, { recursive: true, force: true })
    await scrap()
    await make(part).catch(async (error: unknown) => {
      await scrap()
      throw error
    })
    await rename(part, path)
  })
  return path
}
