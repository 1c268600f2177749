import { declare, pathIdentity, type Resource, type ResourceType } from '../declare/resource.ts'
import { quote } from '../remote/shell.ts'
import { checkPath, parentOf } from './shared/declared.ts'
import { lookAt, NO_CONTENT, type PathState, parseLook } from './shared/observe.ts'
import {
  type Ownership,
  type OwnershipOptions,
  ownershipChanges,
  ownershipOf,
  setOwnership,
} from './shared/ownership.ts'
import { fail } from './shared/replace.ts'

/** What a directory should be. Mode: default `'0755'`. */
export type DirectoryOptions = OwnershipOptions &
  Readonly<{
    /** True: missing directories above it are made too, as root's, `0755`. Default false. */
    parents?: boolean
  }>

export type DirectoryWant = Ownership & Readonly<{ parents: boolean }>

export const directoryType: ResourceType<DirectoryWant, PathState> = {
  name: 'directory',
  identity: pathIdentity,
  probe: (all) =>
    lookAt(
      all.map(({ id }) => ({ path: id })),
      NO_CONTENT,
    ),
  parse: (output, all) => {
    const states = parseLook('directory', output, all.length, NO_CONTENT)
    return new Map(all.map(({ id }, index) => [id, states[index] as PathState]))
  },
  diff: (want, have) => {
    if (have.kind === 'absent') return [{ property: 'state', from: 'absent', to: 'present' }]
    if (have.kind !== 'directory') return [{ property: 'kind', from: have.kind, to: 'directory' }]
    return ownershipChanges(want, have)
  },
  endsNothing: () => true,
  apply: ({ id, want }) => `
path=${quote(id)}
if [ -L "$path" ] || { [ -e "$path" ] && [ ! -d "$path" ]; }; then
  ${fail('what is in its place is no directory, and is not replaced: move it away by hand')}
fi
${want.parents ? `(umask 022; mkdir -p -- ${quote(parentOf(id))})` : ''}
[ -d ${quote(parentOf(id))} ] || ${fail(`the directory ${parentOf(id)} does not exist`)}
[ -d "$path" ] || (umask 077; mkdir -- "$path")
${setOwnership(want, '"$path"')}`,
  merge: (one, other) => {
    const same = one.owner === other.owner && one.group === other.group && one.mode === other.mode
    return same ? { ...one, parents: one.parents || other.parents } : undefined
  },
}

/**
 * A directory; what is in it is left alone. Anything else in its place, also a symbolic link, fails the apply.
 * @throws DeclarationError for a path that is not absolute or not in its shortest form.
 */
export const directory = (path: string, options: DirectoryOptions = {}): Resource<DirectoryWant> => {
  checkPath('directory', path)
  const ownership = ownershipOf(`directory ${path}`, options, '0755')
  return declare(directoryType, path, { ...ownership, parents: options.parents ?? false })
}
