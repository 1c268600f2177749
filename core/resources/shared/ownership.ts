import type { Change } from '../../declare/resource.ts'
import { quote } from '../../remote/shell.ts'
import { checkAccount, checkMode, wrong } from './declared.ts'
import type { Present } from './observe.ts'

/** Who owns a thing at a path, and what others may do. */
export type Ownership = Readonly<{
  /** A name, or a number. */
  owner: string
  group: string
  /** Four octal digits. */
  mode: string
}>

/** As people write it. */
export type OwnershipOptions = Readonly<{
  /** Name or number of a user. Default `root`. */
  owner?: string
  /** Name or number of a group. Default `root`. */
  group?: string
  /** Octal, such as `'0644'`. */
  mode?: string
}>

/** @throws DeclarationError */
export const ownershipOf = (resource: string, options: OwnershipOptions, mode: string): Ownership => ({
  owner: checkAccount(resource, 'owner', options.owner ?? 'root'),
  group: checkAccount(resource, 'group', options.group ?? 'root'),
  mode: checkMode(resource, options.mode ?? mode),
})

/** As `ownershipOf`, of a file that may hold a secret: then its default is `'0600'`. @throws DeclarationError */
export const ownershipOfFile = (resource: string, options: OwnershipOptions, secret: boolean): Ownership => {
  const ownership = ownershipOf(resource, options, secret ? '0600' : '0644')
  if (secret && /[^0]$/.test(ownership.mode))
    throw wrong(resource, `mode ${ownership.mode} gives a secret to everybody on the host`, "such as '0640'")
  return ownership
}

/** Which of owner, group and mode differ. */
export const ownershipChanges = (want: Ownership, have: Present): readonly Change[] => [
  ...accountChange('owner', want.owner, have.owner, have.uid),
  ...accountChange('group', want.group, have.group, have.gid),
  ...(want.mode === have.mode ? [] : [{ property: 'mode', from: have.mode, to: want.mode }]),
]

const accountChange = (property: string, want: string, name: string, number: string): readonly Change[] => {
  const isNumber = /^\d+$/.test(want)
  if (isNumber ? Number(want) === Number(number) : want === name) return []
  return [{ property, from: isNumber || name === 'UNKNOWN' ? number : name, to: want }]
}

/**
 * Gives the thing to its owner. A symbolic link is never given away; chmod comes last, since chown drops set-user-ID.
 * Source: GNU coreutils, "Directories and the Set-User-ID and Set-Group-ID Bits": only five digits clear these.
 */
export const setOwnership = ({ owner, group, mode }: Ownership, word: string): string =>
  `chown -h ${quote(`${owner}:${group}`)} -- ${word}\nchmod 0${mode} -- ${word}`
