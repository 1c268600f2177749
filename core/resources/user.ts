import { declare, type Resource, type ResourceType } from '../declare/resource.ts'
import { words } from '../remote/shell.ts'
import { checkName, checkNumber, checkPasswdPath, type Entry, getent, parseGetent } from './shared/accounts.ts'

/** What a user should be. What is left out is not looked at; a new user gets it from useradd. */
export type UserOptions = Readonly<{
  /** True: a new user is a system one: low number, no ageing, no home directory made, no login shell. Default false. */
  system?: boolean
  uid?: number
  /** An absolute path; nothing is moved there. */
  home?: string
  /** An absolute path. */
  shell?: string
  /** The primary group, by name; it must exist. Default for a new user: the group of its name, which is made. */
  group?: string
  /** Further groups, by name; they must exist. Membership is only added: others may have given more. */
  groups?: readonly string[]
}>

export type UserWant = UserOptions & Readonly<{ system: boolean; groups: readonly string[] }>

export type UserHave =
  | Readonly<{ state: 'absent' }>
  | Readonly<{ state: 'present'; uid: number; group: string; home: string; shell: string; groups: readonly string[] }>

const PROPERTIES = ['uid', 'group', 'home', 'shell'] as const

export const userType: ResourceType<UserWant, UserHave> = {
  name: 'user',
  probe: (all) => {
    const groups = all.flatMap(({ want }) => [want.group ?? [], want.groups].flat())
    return `
set -e
users=$(${getent('passwd', ids(all))})
printf '%s\\n--\\n' "$users"
${getent('group', [...new Set(groups)], '$(printf "%s\\n" "$users" | cut -d: -f4)')}`
  },
  parse: (output, all) => {
    const [users = '', groups = '?', ...more] = output.split(/^--\n/m)
    const passwd = parseGetent('user', users, 7)
    const group = parseGetent('user', more.length === 0 ? groups : '?', 4)
    return new Map(all.map(({ id }) => [id, haveOf(id, passwd, group)]))
  },
  diff: (want, have) => {
    if (have.state === 'absent') return [{ property: 'state', from: 'absent', to: 'present' }]
    const changed = PROPERTIES.filter((property) => want[property] !== undefined && want[property] !== have[property])
    const missing = want.groups.filter((group) => group !== have.group && !have.groups.includes(group))
    return [
      ...changed.map((property) => ({ property, from: String(have[property]), to: String(want[property]) })),
      ...missing.map((group) => ({ property: 'groups', from: `not in ${group}`, to: `in ${group}` })),
    ]
  },
  apply: ({ id, want }) => applyUser(id, want),
  merge: (one, other) => {
    const contradicts = PROPERTIES.some(
      (property) => one[property] !== undefined && other[property] !== undefined && one[property] !== other[property],
    )
    if (contradicts || one.system !== other.system) return undefined
    return { ...one, ...other, groups: [...new Set([...one.groups, ...other.groups])] }
  },
}

/**
 * A user of the host. It is never removed, and no password is given.
 * @throws DeclarationError
 */
export const user = (name: string, options: UserOptions = {}): Resource<UserWant> => {
  const resource = `user ${name}`
  for (const one of [name, options.group ?? [], options.groups ?? []].flat()) checkName(resource, one)
  checkNumber(resource, 'uid', options.uid)
  checkPasswdPath(resource, options.home)
  checkPasswdPath(resource, options.shell)
  return declare(userType, name, { ...options, system: options.system ?? false, groups: options.groups ?? [] })
}

const ids = (all: readonly Resource<UserWant>[]): readonly string[] => all.map(({ id }) => id)

const haveOf = (id: string, passwd: readonly Entry[], groups: readonly Entry[]): UserHave => {
  const [, , uid, gid = '', , home = '', shell = ''] = passwd.find(([name]) => name === id) ?? []
  if (uid === undefined) return { state: 'absent' }
  const group = groups.find(([, , number]) => number === gid)?.[0] ?? gid
  const memberOf = groups.filter(([, , , members = '']) => members.split(',').includes(id)).map(([name = '']) => name)
  return { state: 'present', uid: Number(uid), group, home, shell, groups: memberOf }
}

// usermod drops by itself what is no change.
const applyUser = (name: string, { system, uid, home, shell, group, groups }: UserWant): string => {
  const option = (flag: string, value: string | number | undefined) => (value === undefined ? [] : [flag, `${value}`])
  const shared = [
    ...option('--uid', uid),
    ...option('--gid', group),
    ...option('--groups', groups.join(',') || undefined),
  ]
  const same = [...shared, ...option('--home', home), ...option('--shell', shell)]
  const fresh = [
    ...shared,
    ...option('--home-dir', home),
    ...option('--shell', shell ?? (system ? '/usr/sbin/nologin' : undefined)),
    ...(system ? ['--system', '--no-create-home'] : ['--create-home']),
  ]
  return `
if getent passwd ${name} >/dev/null; then
  ${same.length === 0 ? ':' : `usermod ${groups.length === 0 ? '' : '--append'} ${words(same)} ${name}`}
else
  ${group === undefined ? `if getent group ${name} >/dev/null; then set -- --gid ${name}; else set -- --user-group; fi` : 'set --'}
  useradd "$@" ${words(fresh)} ${name}
fi`
}
