/** One change of the lab at a time: two test files may call `labUp` at once. */
import { readFileSync } from 'node:fs'
import { link, mkdir, rm, writeFile } from 'node:fs/promises'
import { labDir, labPath } from './config.ts'
import { LabError } from './errors.ts'
import { startTime, waitFor } from './processes.ts'
import { requireRoot } from './requirements.ts'

const lock = labPath('lock')

/**
 * Runs `work` when no other process works on the lab.
 * @throws LabError for anybody but root, or when another process takes more than 10 minutes.
 */
export async function locked<T>(work: () => Promise<T>): Promise<T> {
  requireRoot()
  await mkdir(labDir(), { recursive: true })
  if (!(await waitFor(takeLock, 600))) throw new LabError(`lab: process ${owner()} works on it for 10 minutes now`)
  try {
    return await work()
  } finally {
    await rm(lock, { force: true })
  }
}

async function takeLock(): Promise<boolean> {
  const mine = `${lock}.${process.pid}`
  await writeFile(mine, String(process.pid))
  try {
    await link(mine, lock) // appears with its owner in it, or not at all
    return true
  } catch {
    const pid = owner()
    if (pid && !startTime(pid)) await rm(lock, { force: true }) // its owner was killed
    return false
  } finally {
    await rm(mine)
  }
}

function owner(): number | undefined {
  try {
    return Number(readFileSync(lock, 'utf8')) || undefined
  } catch {
    return undefined
  }
}
