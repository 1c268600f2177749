import { declare, type Resource, type ResourceType } from '../declare/resource.ts'
import { checkName, checkNumber, getent, parseGetent } from './shared/accounts.ts'

/** What a group should be. */
export type GroupOptions = Readonly<{
  /** True: a new group gets a low number. Default false. */
  system?: boolean
  /** Default: not looked at; groupadd chooses. */
  gid?: number
}>

export type GroupWant = GroupOptions & Readonly<{ system: boolean }>
export type GroupHave = Readonly<{ state: 'absent' }> | Readonly<{ state: 'present'; gid: number }>

export const groupType: ResourceType<GroupWant, GroupHave> = {
  name: 'group',
  probe: (all) =>
    getent(
      'group',
      all.map(({ id }) => id),
    ),
  parse: (output, all) => {
    const gids = new Map(parseGetent('group', output, 4).map(([name = '', , gid]) => [name, Number(gid)]))
    return new Map(all.map(({ id }) => [id, haveOf(gids.get(id))]))
  },
  diff: (want, have) => {
    if (have.state === 'absent') return [{ property: 'state', from: 'absent', to: 'present' }]
    if (want.gid === undefined || want.gid === have.gid) return []
    return [{ property: 'gid', from: `${have.gid}`, to: `${want.gid}` }]
  },
  apply: ({ id, want: { system, gid } }) => {
    const number = gid === undefined ? '' : `--gid ${gid}`
    return `
if getent group ${id} >/dev/null; then ${gid === undefined ? ':' : `groupmod ${number} ${id}`}
else groupadd ${system ? '--system' : ''} ${number} ${id}; fi`
  },
  merge: (one, other) => {
    if (one.system !== other.system) return undefined
    const contradicts = one.gid !== undefined && other.gid !== undefined && one.gid !== other.gid
    return contradicts ? undefined : { ...one, ...other }
  },
}

/**
 * A group of the host. It is never removed; its members are given by `user(name, { groups })`.
 * @throws DeclarationError
 */
export const group = (name: string, options: GroupOptions = {}): Resource<GroupWant> => {
  const resource = `group ${name}`
  checkName(resource, name)
  checkNumber(resource, 'gid', options.gid)
  return declare(groupType, name, { ...options, system: options.system ?? false })
}

const haveOf = (gid: number | undefined): GroupHave =>
  gid === undefined ? { state: 'absent' } : { state: 'present', gid }
