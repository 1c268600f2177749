import { declare, pathIdentity, type Resource, type ResourceType } from '../declare/resource.ts'
import { quote } from '../remote/shell.ts'
import { checkAccount, checkFilePath, checkText, wrong } from './shared/declared.ts'
import { garbage, lookAt, NO_CONTENT, type PathState, parseLook } from './shared/observe.ts'
import { type OwnershipOptions, ownershipChanges } from './shared/ownership.ts'
import { beginReplace, endReplace } from './shared/replace.ts'

/** Who owns the link itself. A link has no mode. */
export type SymlinkOptions = Pick<OwnershipOptions, 'owner' | 'group'>

export type SymlinkWant = Readonly<{ target: string; owner: string; group: string }>

/** `target`: bytes as they stand in the link, read as UTF-8; undefined for what is no link. */
export type SymlinkHave = Readonly<{ state: PathState; target: string | undefined }>

// Bytes. Source: path_resolution(7), PATH_MAX with its NUL
const LONGEST = 4095

export const symlinkType: ResourceType<SymlinkWant, SymlinkHave> = {
  name: 'symlink',
  identity: pathIdentity,
  probe: (all) => `
${lookAt(
  all.map(({ id }) => ({ path: id })),
  NO_CONTENT,
)}
for p do
  shift
  [ ! -L "$p" ] || set -- "$@" "$p"
done
[ $# -eq 0 ] || readlink -z -- "$@" | base64 -w 0
echo`,
  parse: (output, all) => {
    const end = output.lastIndexOf('\n', output.length - 2) + 1
    const states = parseLook('symlink', output.slice(0, end), all.length, NO_CONTENT)
    const targets = parseTargets(output.slice(end, -1), states.filter(isLink).length)
    const of = (state: PathState): SymlinkHave => ({ state, target: isLink(state) ? targets.shift() : undefined })
    return new Map(all.map(({ id }, index) => [id, of(states[index] as PathState)]))
  },
  diff: (want, { state, target }) => {
    if (state.kind === 'absent') return [{ property: 'state', from: 'absent', to: `link to ${want.target}` }]
    if (state.kind !== 'symlink') return [{ property: 'kind', from: state.kind, to: `link to ${want.target}` }]
    const other = target === want.target ? [] : [{ property: 'target', from: target ?? '', to: want.target }]
    return [...other, ...ownershipChanges({ ...want, mode: state.mode }, state)]
  },
  apply: ({ id, want }) => `
${beginReplace(id)}
ln -s -- ${quote(want.target)} "$tmp"
chown -h ${quote(`${want.owner}:${want.group}`)} -- "$tmp"
${endReplace}`,
  inputs: (id) => [id],
}

/**
 * A symbolic link to this target, which need not exist; a relative one starts from the link's directory. The directory
 * of the link must exist. A file, another link or a FIFO in its place is replaced at once; anything else there, a
 * directory above all, fails the apply and is left alone.
 * @throws DeclarationError for a path that is not absolute or not in its shortest form, or an impossible target.
 */
export const symlink = (path: string, target: string, options: SymlinkOptions = {}): Resource<SymlinkWant> => {
  const resource = `symlink ${path}`
  checkFilePath('symlink', path)
  checkText(resource, 'the target', target)
  if (target === '') throw wrong(resource, 'the target is empty')
  if (Buffer.byteLength(target) > LONGEST) throw wrong(resource, `the target is over ${LONGEST} bytes`)
  if (target === path) throw wrong(resource, 'it would link to itself')
  return declare(symlinkType, path, {
    target,
    owner: checkAccount(resource, 'owner', options.owner ?? 'root'),
    group: checkAccount(resource, 'group', options.group ?? 'root'),
  })
}

const isLink = ({ kind }: PathState): boolean => kind === 'symlink'

// Each target ends with a NUL byte.
const parseTargets = (base64: string, count: number): string[] => {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) garbage('symlink', base64)
  const targets = Buffer.from(base64, 'base64').toString().split('\0')
  return targets.pop() === '' && targets.length === count ? targets : garbage('symlink', `${targets.length} targets`)
}
