import { type Change, declare, pathIdentity, type Resource, type ResourceType } from '../declare/resource.ts'
import { quote } from '../remote/shell.ts'
import { wrong } from './shared/declared.ts'
import { type FileLines, parseLines, printLines } from './shared/lines.ts'
import { beginReplace, endReplace, fail } from './shared/replace.ts'

/** How a kernel setting is compared. */
export type SysctlOptions = Readonly<{
  /** True: a greater value is right too, and is never lowered. Whole numbers only. Default false. */
  atLeast?: boolean
}>

export type SysctlWant = Readonly<{ value: string; atLeast: boolean }>

/** Undefined: the kernel has no such key; there is no file of ours, or no value in it. */
export type SysctlHave = Readonly<{ live: string | undefined; persisted: string | undefined }>

// Source: proc(5), /proc/sys
const liveOf = (key: string): string => `/proc/sys/${key.replaceAll('.', '/')}`

// One file a key, so that each has one owner. Source: sysctl.d(5)
const fileOf = (key: string): string => `/etc/sysctl.d/90-caravan-${key}.conf`

export const sysctlType: ResourceType<SysctlWant, SysctlHave> = {
  name: 'sysctl',
  identity: (key) => pathIdentity(fileOf(key)),
  probe: (all) => printLines(pathsOf(all)),
  parse: (output, all) => {
    const lines = parseLines('sysctl', output, pathsOf(all))
    return new Map(all.map(({ id }) => [id, { live: liveIn(lines, id), persisted: persistedIn(lines, id) }]))
  },
  diff: (want, { live, persisted }) => [
    ...difference('live', want, live, want.value),
    // at boot our file would lower what is greater now
    ...difference('persisted', want, persisted, isEnough(want, live) && live !== undefined ? live : want.value),
  ],
  apply: ({ id, want }) => applySysctl(id, want),
  merge: (one, other) => {
    if (!one.atLeast && !other.atLeast) return one.value === other.value ? one : undefined
    const [floor, exact] = one.atLeast ? [one, other] : [other, one]
    if (exact.atLeast) return BigInt(one.value) > BigInt(other.value) ? one : other
    return isEnough(floor, exact.value) ? exact : undefined
  },
  inputs: (key) => [fileOf(key)],
}

/**
 * A setting of the running kernel, which is also kept over a reboot in a file of its own,
 * `/etc/sysctl.d/90-caravan-KEY.conf`. Numbers are compared as they are written; white space between them is no
 * difference. A key that the kernel does not have (yet) is a difference: declare its `kernelModule` before.
 * @throws DeclarationError
 */
export const sysctl = (key: string, value: string | number, options: SysctlOptions = {}): Resource<SysctlWant> => {
  const resource = `sysctl ${key}`
  if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/.test(key))
    throw wrong(resource, 'this is not a key of sysctl', 'write it with dots, such as net.ipv4.ip_forward')
  const text = normal(`${value}`)
  if (!/^[\x20-\x7e]+$/.test(text)) throw wrong(resource, `the value ${JSON.stringify(value)} is not one line of text`)
  const atLeast = options.atLeast ?? false
  if (atLeast && !isWhole(text)) throw wrong(resource, 'atLeast needs a whole number that is not negative')
  return declare(sysctlType, key, { value: text, atLeast })
}

const pathsOf = (all: readonly Resource<SysctlWant>[]): readonly string[] =>
  all.flatMap(({ id }) => [liveOf(id), fileOf(id)])

const normal = (text: string): string => text.trim().split(/\s+/).join(' ')

// The greatest number that sh can compare is 2^63 - 1.
const isWhole = (text: string): boolean => /^\d{1,18}$/.test(text)

const liveIn = (lines: FileLines, key: string): string | undefined => {
  const found = lines.get(liveOf(key))
  return found && normal(found.join(' '))
}

const persistedIn = (lines: FileLines, key: string): string | undefined => {
  const [line = '', ...more] = lines.get(fileOf(key)) ?? []
  return more.length === 0 && line.startsWith(`${key} = `) ? normal(line.slice(key.length + 3)) : undefined
}

const isEnough = ({ value, atLeast }: SysctlWant, have: string | undefined): boolean =>
  have === value || (atLeast && have !== undefined && isWhole(have) && BigInt(have) >= BigInt(value))

const difference = (property: string, want: SysctlWant, have: string | undefined, to: string): readonly Change[] =>
  isEnough(want, have) ? [] : [{ property, from: have ?? '(absent)', to }]

const applySysctl = (key: string, { value, atLeast }: SysctlWant): string => `
live=${liveOf(key)} value=${quote(value)}
[ -e "$live" ] || ${fail(`the kernel has no key ${key}: is the module that brings it loaded?`)}
${atLeast ? `now=$(cat "$live")\nif [ "$now" -ge "$value" ] 2>/dev/null; then value=$now; fi` : ''}
printf '%s\\n' "$value" >"$live" || ${fail(`the kernel does not take this value for ${key}`)}
${beginReplace(fileOf(key))}
printf '%s = %s\\n' ${key} "$value" >"$tmp"
chmod 0644 -- "$tmp"
${endReplace}`
