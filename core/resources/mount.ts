import { isDeepStrictEqual } from 'node:util'
import { type Change, declare, type Resource, type ResourceType } from '../declare/resource.ts'
import { ProbeError } from '../errors.ts'
import { checkPath, checkText, wrong } from './shared/declared.ts'
import { mountScript } from './shared/mount-script.ts'
import { escapeField, type Mounted, parseMountinfo, unescapeField } from './shared/mounts.ts'
import { garbage } from './shared/observe.ts'
import { quote, words } from '../remote/shell.ts'

/** A line of /etc/fstab. Source: fstab(5) */
export type MountOptions = Readonly<{
  /**
   * What is mounted: a device by a name that stays, such as `/dev/disk/by-id/scsi-0HC_Volume_1`, or `UUID=…`; else what
   * the file system wants there, such as `tmpfs`, or a directory for a bind mount.
   */
  source: string
  /** Such as `ext4`; `none` for a bind mount. */
  fsType: string
  /** Such as `['discard', 'nofail', 'x-systemd.before=nomad.service']`. With `noauto` it is not mounted now. */
  options: readonly string[]
  /** 1: dump(8) saves it. Default 0. */
  dump?: 0 | 1
  /** When fsck(8) checks it at boot: 2 for what is not the root; 0: never. Default 0. */
  pass?: 0 | 1 | 2
}>

/** The six fields of the line, unescaped. */
export type MountWant = Readonly<{ fields: readonly string[] }>

export type MountHave = Readonly<{
  /** The lines of fstab for this path. */
  lines: readonly string[]
  /** What is mounted there now, on top. */
  mounted: Mounted | undefined
  /** The source of the want as the kernel names it. */
  device: string
  /** Whether the directory there and the source of a bind mount are one. */
  same: boolean
}>

export const mountType: ResourceType<MountWant, MountHave> = {
  name: 'mount',
  probe: (all) => `
lines=$(timeout 10 cat /etc/fstab 2>/dev/null | base64 -w 0)
echo "$lines"
LC_ALL=C grep -aF ${all.map(({ id }) => `-e ${quote(` ${escapeField(id)} `)}`).join(' ')} /proc/self/mountinfo || [ $? -eq 1 ]
echo =
look() {
  device=$1
  case $1 in
    /*) device=$(readlink -f -- "$1" && echo .) && device=\${device%?.} || device=$1 ;;
    UUID=* | LABEL=* | PARTUUID=* | PARTLABEL=*) device=$(timeout 10 findfs "$1" 2>/dev/null) || device=$1 ;;
  esac
  same=0
  [ ! "$1" -ef "$2" ] || same=1
  printf '%s %s\\n' $same "$device"
}
${all.map(({ id, want }) => `look ${words([want.fields[0] ?? '', id])}`).join('\n')}`,
  parse: (output, all) => {
    const [fstab = '', ...rest] = output.split('\n')
    const end = rest.indexOf('=')
    if (end < 0 || rest.length !== end + all.length + 2 || !/^[A-Za-z0-9+/]*={0,2}$/.test(fstab))
      garbage('mount', output)
    const mounts = rest.slice(0, end).map((line) => parseMountinfo(line) ?? garbage('mount', line))
    const lines = Buffer.from(fstab, 'base64').toString().split('\n')
    return new Map(
      all.map(({ id }, index) => {
        const [, same, device] = /^([01]) (.+)$/.exec(rest[end + 1 + index] ?? '') ?? []
        if (device === undefined) return garbage('mount', rest[end + 1 + index] ?? '')
        const mounted = mounts.findLast(({ target }) => target === id)
        return [id, { lines: lines.filter((line) => isFor(line, id)), mounted, device, same: same === '1' }]
      }),
    )
  },
  diff: (want, have) => {
    if (have.lines.length > 1) throw new ProbeError('/etc/fstab has two lines for it', { hint: 'remove one by hand' })
    const { mounted } = have
    if (mounted !== undefined && !isSource(want, have, mounted))
      throw new ProbeError(`something else is mounted there: ${mounted.source} (${mounted.fsType})`, {
        hint: 'unmount it by hand, or mount this elsewhere',
      })
    return [...lineChange(want, have), ...mountedChange(want, have)]
  },
  apply: ({ id, want }) => mountScript(id, want.fields),
}

/**
 * A file system that is mounted now, and at each boot by one line of /etc/fstab; all other lines stay. The directory
 * is made when it is missing. Nothing is ever formatted, unmounted, or mounted over what is in the directory; a path
 * where something else is mounted is an error of the plan. The line is written once the mount has worked.
 * @throws DeclarationError
 */
export const mount = (path: string, options: MountOptions): Resource<MountWant> => {
  const resource = `mount ${path}`
  checkPath('mount', path)
  if (path === '/') throw wrong(resource, 'the root is mounted long before')
  const { source, fsType } = options
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (source === '' || /[\0-\x1f\x7f]/.test(source)) throw wrong(resource, 'its source must be one line of text')
  if (/^\/dev\/(sd|vd|xvd|hd|nvme|dm-)/.test(source))
    throw wrong(resource, `${source} may be another device after a reboot`, 'use its name below /dev/disk/by-id/')
  if (!/^[A-Za-z0-9._-]+$/.test(fsType)) throw wrong(resource, `${JSON.stringify(fsType)} is not a file system`)
  for (const option of options.options) {
    if (!/^[^\s,]+$/.test(checkText(resource, 'an option', option)))
      throw wrong(resource, `${JSON.stringify(option)} is not one option`)
  }
  const list = options.options.join(',') || 'defaults'
  return declare(mountType, path, {
    fields: [source, path, fsType, list, `${options.dump ?? 0}`, `${options.pass ?? 0}`],
  })
}

const fieldsOf = (line: string): readonly string[] => {
  const fields = line.trim().split(/[ \t]+/)
  return fields[0]?.startsWith('#') ? [] : fields.map(unescapeField)
}

const isFor = (line: string, path: string): boolean => {
  const target = fieldsOf(line)[1]
  return target !== undefined && (target.replace(/\/+$/, '') || '/') === path
}

const optionsOf = ({ fields }: MountWant): readonly string[] => fields[3]?.split(',') ?? []

// Of a bind mount the kernel shows the device that holds the directory, so the directories themselves are compared.
const isSource = (want: MountWant, have: MountHave, mounted: Mounted): boolean => {
  const [source, , fsType] = want.fields
  if (optionsOf(want).some((option) => option === 'bind' || option === 'rbind')) return have.same
  const sameType = mounted.fsType === fsType || fsType === 'auto'
  return sameType && (mounted.source === have.device || mounted.source === source)
}

const lineChange = ({ fields }: MountWant, { lines: [line] }: MountHave): readonly Change[] => {
  const to = fields.map(escapeField).join(' ')
  if (line === undefined) return [{ property: 'fstab', from: '(absent)', to }]
  const [source, path, fsType, options = 'defaults', dump = '0', pass = '0'] = fieldsOf(line)
  const same = isDeepStrictEqual([source, path?.replace(/\/+$/, ''), fsType, options, dump, pass], fields)
  return same ? [] : [{ property: 'fstab', from: line, to }]
}

// Those that the kernel shows as they are written. Source: mount(8), filesystem-independent mount options
const SHOWN = 'ro rw nosuid nodev noexec noatime nodiratime'.split(' ')

const mountedChange = (want: MountWant, { mounted }: MountHave): readonly Change[] => {
  const options = optionsOf(want)
  if (mounted === undefined) return options.includes('noauto') ? [] : [{ property: 'mounted', from: 'no', to: 'yes' }]
  const missing = options.filter((option) => SHOWN.includes(option) && !mounted.options.includes(option))
  return missing.length === 0
    ? []
    : [{ property: 'options', from: mounted.options.join(','), to: `also ${missing.join(',')}` }]
}
