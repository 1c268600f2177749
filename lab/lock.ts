/** One change of the lab at a time: two test files may call `labUp` at once. */
import { readFileSync } from 'node:fs'
import { link, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { labPath } from './config.ts'
import { LabError } from './errors.ts'
import { startTime, waitFor } from './processes.ts'
import { requireRoot } from './requirements.ts'

/**
 * Runs `work` when no other process works on the lab.
 * @throws LabError for anybody but root, or when another process takes more than 10 minutes.
 */
export function locked<T>(work: () => Promise<T>): Promise<T> {
  return lockedBy(labPath('lock'), 10, work)
}

/**
 * Runs `work` when no other process holds the lock `file`, for which it waits so many `minutes`.
 * @throws LabError for anybody but root, or when another process takes longer.
 */
export async function lockedBy<T>(file: string, minutes: number, work: () => Promise<T>): Promise<T> {
  requireRoot()
  await mkdir(dirname(file), { recursive: true })
  if (!(await waitFor(() => take(file), minutes * 60)))
    throw new LabError(`lab: process ${owner(file)} works on it for ${minutes} minutes now`, { hint: `see ${file}` })
  try {
    return await work()
  } finally {
    await rm(file, { force: true })
  }
}

async function take(file: string): Promise<boolean> {
  const mine = `${file}.${process.pid}`
  await writeFile(mine, String(process.pid))
  try {
    await link(mine, file) // appears with its owner in it, or not at all
    return true
  } catch {
    const pid = owner(file)
    if (pid && !startTime(pid)) await rm(file, { force: true }) // its owner was killed
    return false
  } finally {
    await rm(mine, { force: true })
  }
}

function owner(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined
  } catch {
    return undefined
  }
}
