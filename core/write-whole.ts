import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CaravanError } from './errors.ts'

/** Writes a file whole: until the new one is on the disk, the old one stays. @throws CaravanError */
export const writeWhole = async (path: string, content: string, mode: number): Promise<void> => {
  const part = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`)
  try {
    const file = await open(part, 'wx', mode)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(part, path)
    await syncDirectory(dirname(path))
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    throw new CaravanError(`${path} cannot be written: ${code}`, { hint: `df -h ${dirname(path)}` })
  } finally {
    await rm(part, { force: true })
  }
}

const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r')
  await directory.sync().finally(() => directory.close())
}
