import { words } from '../../remote/shell.ts'
import { checkPath, wrong } from './declared.ts'
import { garbage } from './observe.ts'

/** One line of /etc/passwd or /etc/group, by fields. */
export type Entry = readonly string[]

/** Prints the entries that exist. `also` is further unquoted text of `sh`. Without any key getent would print all. */
export const getent = (database: 'passwd' | 'group', names: readonly string[], also = ''): string =>
  `set -- ${words(names)} ${also}; [ $# -eq 0 ] || timeout 10 getent ${database} "$@" || [ $? -eq 2 ]`

/** @throws ProbeError for a line that has not this many fields. */
export const parseGetent = (type: string, text: string, fields: number): readonly Entry[] => {
  const entries = text.split('\n').filter((line) => line !== '')
  return entries.map((line) => {
    const entry = line.split(':')
    return entry.length === fields && /^\d+$/.test(entry[2] ?? '') ? entry : garbage(type, line)
  })
}

/** Source: adduser.conf(5), NAME_REGEX; useradd(8), at most 32 characters. @throws DeclarationError */
export const checkName = (resource: string, name: string): void => {
  if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(name))
    throw wrong(resource, `${JSON.stringify(name)} is not a name of a user or group`, 'use a-z, 0-9, "_" and "-"')
}

/** @throws DeclarationError */
export const checkNumber = (resource: string, what: string, value: number | undefined): void => {
  if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value < 2 ** 32 - 1))
    throw wrong(resource, `${what} ${value} is not a number from 0 to 4294967294`)
}

/** A path that fits into /etc/passwd. @throws DeclarationError */
export const checkPasswdPath = (resource: string, path: string | undefined): void => {
  if (path === undefined) return
  checkPath(resource, path)
  if (/[:\n]/.test(path)) throw wrong(resource, `${JSON.stringify(path)} cannot be written into /etc/passwd`)
}
