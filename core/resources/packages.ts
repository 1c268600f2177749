import {
  type ApplyInput,
  type Change,
  declare,
  type Resource,
  type ResourceType,
  Unknown,
} from '../declare/resource.ts'
import { aptFragment } from './shared/apt.ts'
import { wrong } from './shared/declared.ts'
import { garbage } from './shared/observe.ts'

/** One package and what is asked of it. */
export type PackageOptions = Readonly<{
  /** As apt knows it, such as `docker.io`, or `libc6:arm64` for one of another architecture. */
  name: string
  /** The exact version, such as `20.10.24+dfsg1-1+b3`; it may be a step back. Default: any that is installed. */
  version?: string
  /** True: apt does not upgrade it by itself; false: it may. Default: as it is. */
  hold?: boolean
}>

export type PackageWant =
  | Readonly<{ state: 'absent' }>
  | Readonly<{ state: 'installed'; version?: string; hold?: boolean }>

/** `broken`: dpkg was cut off, or failed, on its way; `apt-get install` mends it. */
export type PackageHave =
  | Readonly<{ state: 'absent' }>
  | Readonly<{ state: 'installed' | 'broken'; version: string; hold: boolean }>

export const packageType: ResourceType<PackageWant, PackageHave> = {
  name: 'package',
  // a hold is dpkg's selection state, so apt-mark need not be asked; dpkg's own architecture is the host's
  probe: (all) => `
format='\${Package}|\${Architecture}|\${Version}|\${db:Status-Want}|\${db:Status-Status}|\${db:Status-Eflag}\\n'
if ! command -v dpkg-query >/dev/null; then echo unknown; exit 0; fi
status=0
timeout 30 dpkg-query -W -f="$format" dpkg ${all.map(({ id }) => id).join(' ')} 2>/dev/null || status=$?
[ $status -le 1 ]`,
  parse: (output, all) => {
    if (output.trim() === 'unknown') return new Map(all.map(({ id }) => [id, new Unknown('the host has no dpkg')]))
    const installed = parsePackages(output)
    return new Map(all.map(({ id }) => [id, installed.get(id) ?? { state: 'absent' }]))
  },
  diff: (want, have) => {
    if (want.state === 'absent' || have.state !== 'installed') return stateChange(want, have)
    return [...versionChange(want.version, have.version), ...holdChange(want.hold, have.hold)]
  },
  apply: (input) => applyPackages([input]),
  applyAll: (inputs) => applyPackages(inputs),
  merge: (one, other) => {
    if (one.state === 'absent' || other.state === 'absent') return one.state === other.state ? one : undefined
    const contradicts = (property: 'version' | 'hold') =>
      one[property] !== undefined && other[property] !== undefined && one[property] !== other[property]
    return contradicts('version') || contradicts('hold') ? undefined : { ...one, ...other }
  },
  inputs: (id) => [`/var/lib/dpkg/info/${id}.md5sums`],
  quiet: ['hold'],
}

/**
 * Packages that are installed: one resource each. They are installed from the repositories that the host has; what
 * apt would have to remove for them fails the apply. As an input of a service a package is its list of checksums,
 * which changes with its version; for a `Multi-Arch: same` library write the name with its architecture there.
 * @throws DeclarationError for a name or version that Debian's policy does not allow.
 */
export const packages = (all: readonly (string | PackageOptions)[]): readonly Resource<PackageWant>[] =>
  all.map((one) => {
    const { name, version, hold } = typeof one === 'string' ? { name: one } : one
    checkName(name)
    // Source: deb-version(7)
    if (version !== undefined && !/^[0-9][A-Za-z0-9.+:~-]*$/.test(version))
      throw wrong(`package ${name}`, `${JSON.stringify(version)} is not a version of a package`)
    const pinned = { ...(version === undefined ? {} : { version }), ...(hold === undefined ? {} : { hold }) }
    return declare(packageType, name, { state: 'installed', ...pinned })
  })

/** Packages that are not installed; their configuration files stay. What else would have to go fails the apply. */
packages.absent = (names: readonly string[]): readonly Resource<PackageWant>[] =>
  names.map((name) => declare(packageType, checkName(name), { state: 'absent' }))

// Source: Debian policy 5.6.1. To apt-get a final - means removal.
const checkName = (name: string): string => {
  if (!/^[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9]+)?$/.test(name))
    throw wrong(`package ${name}`, 'this is not a name of a package')
  return name
}

const parsePackages = (output: string): ReadonlyMap<string, PackageHave> => {
  const rows = output.trimEnd().split('\n').map(parseRow)
  const native = rows.find(({ name }) => name === 'dpkg')?.architecture ?? garbage('package', output)
  const found = new Map<string, PackageHave>()
  for (const { name, architecture, have } of rows) {
    found.set(`${name}:${architecture}`, have)
    if (architecture === native || architecture === 'all') found.set(name, have)
  }
  return found
}

const parseRow = (line: string) => {
  const [name, architecture, version, wanted, status, flag, ...more] = line.split('|')
  if (!name || architecture === undefined || version === undefined || !status || !flag || more.length > 0)
    return garbage('package', line)
  const gone = status === 'not-installed' || status === 'config-files'
  const state = status === 'installed' && flag === 'ok' ? 'installed' : 'broken'
  const have: PackageHave = gone ? { state: 'absent' } : { state, version, hold: wanted === 'hold' }
  return { name, architecture, have }
}

const stateChange = (want: PackageWant, have: PackageHave): readonly Change[] => {
  if (want.state === have.state) return []
  const to = want.state === 'installed' && want.version !== undefined ? `installed ${want.version}` : want.state
  const held = want.state === 'installed' ? holdChange(want.hold, have.state !== 'absent' && have.hold) : []
  return [{ property: 'state', from: have.state, to }, ...held]
}

const versionChange = (want: string | undefined, have: string): readonly Change[] =>
  want === undefined || want === have ? [] : [{ property: 'version', from: have, to: want }]

const holdChange = (want: boolean | undefined, have: boolean): readonly Change[] =>
  want === undefined || want === have ? [] : [{ property: 'hold', from: have ? 'on' : 'off', to: want ? 'on' : 'off' }]

// Ten packages one by one cost ten runs of apt.
const applyPackages = (inputs: readonly ApplyInput<PackageWant, PackageHave>[]): string => {
  const all = inputs.map(({ id, want, have }) => ({ id, want, have: Unknown.is(have) ? undefined : have }))
  const present = all.flatMap(({ id, want, have }) => (want.state === 'installed' ? [{ id, ...want, have }] : []))
  const due = present.filter(
    ({ version, have }) => have?.state !== 'installed' || (version ?? have.version) !== have.version,
  )
  return aptFragment({
    install: due.map(({ id, version }) => (version === undefined ? id : `${id}=${version}`)),
    remove: all.filter(({ want }) => want.state === 'absent').map(({ id }) => id),
    hold: present.filter(({ hold }) => hold === true).map(({ id }) => id),
    unhold: present.filter(({ hold }) => hold === false).map(({ id }) => id),
    pinned: due.some(({ version }) => version !== undefined),
    broken: due.some(({ have }) => have?.state === 'broken'),
  })
}
