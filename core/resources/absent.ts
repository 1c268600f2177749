import { declare, pathIdentity, type Resource, type ResourceType } from '../declare/resource.ts'
import { quote } from '../remote/shell.ts'
import { checkPath, parentOf, wrong } from './shared/declared.ts'
import { escapeField } from './shared/mounts.ts'
import { lookAt, NO_CONTENT, type PathState, parseLook } from './shared/observe.ts'
import { fail } from './shared/replace.ts'

export type AbsentOptions = Readonly<{
  /** True: a directory goes with all that is in it. Default false: only when it is empty. */
  recursive?: boolean
}>

export type AbsentWant = Readonly<{ recursive: boolean }>

export const absentType: ResourceType<AbsentWant, PathState> = {
  name: 'absent',
  identity: pathIdentity,
  probe: (all) =>
    lookAt(
      all.map(({ id }) => ({ path: id })),
      NO_CONTENT,
    ),
  parse: (output, all) => {
    const states = parseLook('absent', output, all.length, NO_CONTENT)
    return new Map(all.map(({ id }, index) => [id, states[index] as PathState]))
  },
  diff: ({ recursive }, { kind }) => {
    if (kind === 'absent') return []
    const from = kind === 'directory' && recursive ? 'directory and all that is in it' : kind
    return [{ property: 'state', from, to: 'absent' }]
  },
  apply: ({ id, want }) => `
path=${quote(id)}
if [ -L "$path" ] || [ ! -d "$path" ]; then rm -f -- "$path"
else
  ${want.recursive ? removeTree(id) : removeEmpty}
fi`,
  merge: (one, other) => ({ recursive: one.recursive || other.recursive }),
  inputs: (id) => [id],
}

/**
 * Nothing at this path. A symbolic link is removed and not followed. A directory goes only when it is empty, or with
 * `recursive`; never one that something is mounted on or in. What a system cannot do without is refused, and so are
 * the directories that hold what many programs own, such as /etc, /var/lib and /home.
 * @throws DeclarationError
 */
export const absent = (path: string, { recursive = false }: AbsentOptions = {}): Resource<AbsentWant> => {
  checkPath('absent', path)
  if (isShared(path)) throw wrong(`absent ${path}`, 'this is a part of the system and is never removed')
  return declare(absentType, path, { recursive })
}

// Source: hier(7)
const ROOTS =
  'bin boot data dev etc home lib lib32 lib64 libx32 lost+found media mnt nix opt proc root run sbin snap srv sys tmp usr var'
const BELOW: Readonly<Record<string, string>> = {
  '/etc':
    'apt cron.d default init.d modules-load.d netplan network pam.d security ssh ssl sudoers.d sysctl.d systemd udev',
  '/etc/apt': 'keyrings preferences.d sources.list.d trusted.gpg.d',
  '/etc/systemd': 'network system user',
  '/run': 'caravan lock systemd user',
  '/usr': 'bin games include lib lib32 lib64 libexec libx32 local sbin share src',
  '/usr/local': 'bin etc games include lib libexec man sbin share src',
  '/var': 'backups cache lib local lock log mail opt run spool tmp',
  '/var/lib': 'apt caravan dpkg systemd',
}

const SHARED: ReadonlySet<string> = new Set([
  '/',
  ...ROOTS.split(' ').map((name) => `/${name}`),
  ...Object.entries(BELOW).flatMap(([parent, names]) => names.split(' ').map((name) => `${parent}/${name}`)),
])

const isShared = (path: string): boolean => SHARED.has(path) || /^\/(dev|proc|sys)\//.test(path)

const removeEmpty = `rmdir -- "$path" || ${fail('the directory is not empty, and only an empty one is removed without recursive')}`

// A bind mount has the device number of what it shows, so --one-file-system alone would empty it.
const removeTree = (path: string): string => `
  real=$(realpath -e -- ${quote(parentOf(path))}; echo .)
  [ "$real" = ${quote(`${parentOf(path)}\n.`)} ] || ${fail('a directory above it is a symbolic link: write its real path')}
  while read -r _ _ _ _ mounted _; do
    case $mounted in
      ${quote(escapeField(path))} | ${quote(`${escapeField(path)}/`)}*)
        ${fail('something is mounted on it or in it: unmount that first')} ;;
    esac
  done </proc/self/mountinfo
  rm -rf --one-file-system --preserve-root=all -- "$path"`
