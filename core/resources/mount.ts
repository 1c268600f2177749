import { isDeepStrictEqual } from 'node:util'
import { type Change, declare, type Resource, type ResourceType, Unknown } from '../declare/resource.ts'
import { ProbeError } from '../errors.ts'
import { quote, words } from '../remote/shell.ts'
import { checkPath, checkText, wrong } from './shared/declared.ts'
import { mountScript } from './shared/mount-script.ts'
import { escapeField, fstabLine, type Mounted, parseMountinfo, unescapeField } from './shared/mounts.ts'
import { garbage } from './shared/observe.ts'

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
  /** `MAJOR:MINOR` of the wanted source, where that is a device. */
  device: string | undefined
  /** Whether the path shows the wanted source, where that is a directory. */
  same: boolean
}>

export const mountType: ResourceType<MountWant, MountHave> = {
  name: 'mount',
  probe: (all) => `
echo "$(head -c 1000000 /etc/fstab 2>/dev/null | base64 -w 0)"
LC_ALL=C grep -aF ${all.map(({ id }) => `-e ${quote(` ${escapeField(id)} `)}`).join(' ')} /proc/self/mountinfo || [ $? -eq 1 ]
echo =
# the number of a device as two hexadecimal ones, and whether a bind mount shows what it should
look() {
  number=- same=0
  [ ! -b "$1" ] || number=$(stat -L -c %t:%T -- "$1")
  [ ! "$2" -ef "$3" ] || same=1
  echo "$number $same"
}
${all.map(({ id, want }) => `look ${words([deviceOf(want.fields[0] ?? ''), want.fields[0] ?? '', id])}`).join('\n')}`,
  parse: (output, all) => {
    const [fstab = '', ...rest] = output.split('\n')
    const end = rest.indexOf('=')
    if (end < 0 || rest.length !== end + all.length + 2 || !/^[A-Za-z0-9+/]*={0,2}$/.test(fstab))
      garbage('mount', output)
    const mounts = rest.slice(0, end).map((line) => parseMountinfo(line) ?? garbage('mount', line))
    const lines = Buffer.from(fstab, 'base64').toString().split('\n')
    return new Map(
      all.map(({ id }, index) => {
        const mounted = mounts.findLast(({ target }) => target === id)
        return [id, { lines: lines.filter((line) => isFor(line, id)), mounted, ...parseLook(rest[end + 1 + index]) }]
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
  apply: ({ want, have, changes }) => {
    const has = (property: string) => Unknown.is(have) || changes.some((change) => change.property === property)
    return mountScript({ ...want, write: has('fstab'), remount: has('options') })
  },
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
  checkText(resource, 'its source', source)
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
  const fields = line.replaceAll(/^[ \t]+|[ \t]+$/g, '').split(/[ \t]+/)
  return fields[0]?.startsWith('#') ? [] : fields.map(unescapeField)
}

// Source: udev's 60-persistent-storage.rules
const BY: Readonly<Record<string, string>> = {
  UUID: 'uuid',
  LABEL: 'label',
  PARTUUID: 'partuuid',
  PARTLABEL: 'partlabel',
}

const deviceOf = (source: string): string => {
  const [tag = '', value] = source.split(/=(.*)/s)
  return value !== undefined && BY[tag] ? `/dev/disk/by-${BY[tag]}/${value}` : source
}

const parseLook = (line = ''): Pick<MountHave, 'device' | 'same'> => {
  const [, major, minor, same] = /^(?:-|([0-9a-f]+):([0-9a-f]+)) ([01])$/.exec(line) ?? garbage('mount', line)
  const number = (hex: string): number => Number.parseInt(hex, 16)
  const device = major !== undefined && minor !== undefined ? `${number(major)}:${number(minor)}` : undefined
  return { device, same: same === '1' }
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
  return sameType && (mounted.device === have.device || mounted.source === source)
}

const lineChange = ({ fields }: MountWant, { lines: [line] }: MountHave): readonly Change[] => {
  const to = fstabLine(fields)
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
