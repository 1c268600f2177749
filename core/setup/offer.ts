import { readFileSync } from 'node:fs'
import { basename, relative } from 'node:path'
import { parse } from 'yaml'
import { UsageError } from '../errors.ts'
import type { Dialog } from './dialog.ts'
import { backupPath, standing, writeInventory } from './inventory-file.ts'
import type { Draft } from './inventory-text.ts'

/** What was agreed to on the command line. */
export type Agreed = Readonly<{ write: boolean; overwrite: boolean }>

/** @throws UsageError where nobody can be asked and somebody's inventory would be replaced. */
export const refuseReplacing = (file: string, { overwrite }: Agreed): void => {
  if (overwrite || standing(file) !== 'work') return
  throw new UsageError(`${near(file)} is there already`, {
    hint: `--overwrite keeps it beside the new one as ${basename(backupPath(file))}`,
  })
}

/** Shows the inventory and writes it once that is agreed to. False: it was not. */
export const offer = async (
  dialog: Dialog,
  draft: Draft,
  { file, text }: Readonly<{ file: string; text: string }>,
  agreed: Agreed,
): Promise<boolean> => {
  dialog.say(
    '',
    `${near(file)}:`,
    '',
    ...text
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line}`.trimEnd()),
    '',
  )
  const backup = standing(file) === 'work' ? backupPath(file) : undefined
  if (backup !== undefined) dialog.say(...renumbered(file, draft).map(dialog.style.yellow))
  if (!(await isAgreed(dialog, file, backup, agreed))) return false
  writeInventory(file, text, backup)
  dialog.say(`${near(file)} is written${backup === undefined ? '' : `, the old one is ${near(backup)}`}.`, '')
  return true
}

const isAgreed = async (
  dialog: Dialog,
  file: string,
  backup: string | undefined,
  { write, overwrite }: Agreed,
): Promise<boolean> => {
  if (overwrite) return true
  if (backup === undefined) return write || dialog.yes(`Write ${near(file)}?`, 'write')
  return dialog.yes(`There is a ${near(file)}. Keep it as ${basename(backup)} and write this one?`, 'overwrite')
}

/** Slots that the new inventory would change: whatever a job keeps on a machine goes by them. */
const renumbered = (file: string, { machines }: Draft): readonly string[] => {
  const old = slotsOf(file)
  return machines.flatMap(({ name }, slot) => {
    const before = old.get(name)
    return before === undefined || before === slot
      ? []
      : [`${name} has the slot ${before} there and would get ${slot}: edit the new one if jobs keep data by slot`]
  })
}

const slotsOf = (file: string): ReadonlyMap<string, number> => {
  try {
    const { hosts } = parse(readFileSync(file, 'utf8')) as { hosts: Record<string, { slot?: number }> }
    return new Map(Object.entries(hosts).flatMap(([name, { slot }]) => (slot === undefined ? [] : [[name, slot]])))
  } catch {
    return new Map()
  }
}

/** A path as a person reads it best. */
export const near = (file: string): string => {
  const path = relative('', file)
  return path.startsWith('..') ? file : path
}
