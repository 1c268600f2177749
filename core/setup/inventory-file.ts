import { createHash } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { CaravanError } from '../errors.ts'

/** The sha256 of the inventory that comes with Caravan: what nobody has edited needs no copy. */
const EXAMPLE = '4466c3dc1e256973aea185d457acb10c97883ad84fef8f88c6771bbf0f22c069'

/** What is at the path of the inventory now: nothing, the example as it came, or somebody's work. */
export const standing = (file: string): 'nothing' | 'example' | 'work' => {
  if (!existsSync(file)) return 'nothing'
  return createHash('sha256').update(readFileSync(file)).digest('hex') === EXAMPLE ? 'example' : 'work'
}

/** @throws CaravanError when the inventory could not be written there: better before the questions than after them. */
export const refuseUnwritable = (file: string): void => {
  try {
    accessSync(dirname(file), constants.W_OK | constants.X_OK)
  } catch {
    throw new CaravanError(`cannot write ${file}: ${dirname(file)} does not exist or is not yours to write`, {
      hint: 'write it elsewhere: --inventory PATH',
    })
  }
}

/** Where the inventory that is replaced is kept. */
export const backupPath = (file: string, now = new Date()): string =>
  `${file}.bak-${now.toISOString().replaceAll(/[-:]/g, '').slice(0, 15)}`

/**
 * Writes the inventory, whole or not at all (0644).
 * @param backup where what was there is copied to before. Undefined: it is not kept.
 * @throws CaravanError when that cannot be done; nothing is torn then.
 */
export const writeInventory = (file: string, text: string, backup?: string): void => {
  const candidate = join(dirname(file), `.${basename(file)}.caravan`)
  try {
    if (backup !== undefined) copyFileSync(file, backup, constants.COPYFILE_EXCL)
    writeFileSync(candidate, text, { flush: true })
    chmodSync(candidate, 0o644)
    renameSync(candidate, file)
  } catch (error) {
    throw new CaravanError(`cannot write ${file}: ${(error as Error).message}`, {
      hint: 'write it elsewhere: --inventory PATH',
    })
  }
}
