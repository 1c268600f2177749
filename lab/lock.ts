/** One change of the lab at a time: two test files may call `labUp` at once. */
import { readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { labDir, labPath } from './config.ts'
import { LabError } from './errors.ts'
import { waitFor } from './processes.ts'

/** Runs `work` when no other process works on the lab. */
export async function locked<T>(work: () => Promise<T>): Promise<T> {
  await mkdir(labDir(), { recursive: true })
  if (!(await waitFor(takeLock, 300))) {
    throw new LabError(`lab: process ${owner()} has been working on it for 5 minutes`)
  }
  try {
    return await work()
  } finally {
    await rm(labPath('lock'), { force: true })
  }
}

async function takeLock(): Promise<boolean> {
  try {
    await writeFile(labPath('lock'), String(process.pid), { flag: 'wx' })
    return true
  } catch {
    if (!isAlive(owner())) await rm(labPath('lock'), { force: true })
    return false
  }
}

function owner(): number {
  try {
    return Number(readFileSync(labPath('lock'), 'utf8')) || process.pid
  } catch {
    return process.pid
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
