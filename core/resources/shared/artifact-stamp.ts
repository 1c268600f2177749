import { quote } from '../../remote/shell.ts'
import { STAMPS } from './artifact-script.ts'
import { garbage, type Present, parseStat } from './observe.ts'

/** A file as it was when it was installed, and as it is. */
export type Installed = Readonly<{
  path: string
  /** Neither inode, size nor time of the last change differ; nor the content, where it was hashed. */
  same: boolean
  /** Undefined: there is no regular file any more. */
  state: Present | undefined
}>

/** What is known of an artifact on a host. */
export type Stamp = Readonly<{
  /** The first line of the stamp; undefined: there is none. */
  header: string | undefined
  /** Where it came from. */
  url: string
  files: readonly Installed[]
  /** Without a stamp: whether something is at its destination. */
  present: boolean
}>

/** One stamp to look at. `hash`: the files are hashed too. */
export type StampLook = Readonly<{ name: string; to: string; hash: boolean }>

/**
 * A read-only fragment: one stat for the files of each stamp, and nothing is hashed unless that is asked for, as git
 * does with its index. A stamp over 100 kB is none of ours.
 */
export const lookAtStamps = (all: readonly StampLook[]): string => `
look() {
  stamp=${STAMPS}/$1 hash=$3
  if [ -L "$stamp" ] || [ ! -f "$stamp" ] || [ "$(wc -c <"$stamp")" -gt 100000 ]; then
    if [ -e "$2" ] || [ -L "$2" ]; then echo present; else echo absent; fi
    return
  fi
  echo stamp
  set --
  while IFS= read -r line; do
    path=/\${line#*/}
    case $line in
      [0-9]*/*)
        mark=-
        if [ ! -L "$path" ] && [ -f "$path" ]; then mark=+; set -- "$@" "$path"; fi
        printf '%s %s\\n' $mark "$line"
        ;;
      *) printf '= %s\\n' "$line" ;;
    esac
  done <"$stamp"
  [ $# -gt 0 ] || return 0
  stat -c '%f:%u:%g:%s:%U:%G %i %s %.9Y' -- "$@"
  [ $hash = 0 ] || timeout 300 sha256sum -- "$@"
}
${all.map(({ name, to, hash }) => `look ${name} ${quote(to)} ${hash ? 1 : 0}\necho end`).join('\n')}`

/** Understands what `lookAtStamps` printed. @throws ProbeError */
export const parseStamps = (type: string, output: string, all: readonly StampLook[]): readonly Stamp[] => {
  const lines = output.split('\n')
  const stamps = all.map(({ hash }) => {
    const end = lines.indexOf('end')
    return parseStamp(type, end < 0 ? [] : lines.splice(0, end + 1).slice(0, -1), hash)
  })
  return lines.join() === '' ? stamps : garbage(type, 'it goes on after its end')
}

const parseStamp = (type: string, lines: readonly string[], hash: boolean): Stamp => {
  const [kind] = lines
  if (kind === 'absent' || kind === 'present')
    return { header: undefined, url: '', files: [], present: kind === 'present' }
  if (kind !== 'stamp') return garbage(type, kind ?? 'it ends too early')
  const [header, url = ''] = lines.filter((line) => line.startsWith('= ')).map((line) => line.slice(2))
  const known = lines.filter((line) => /^[+-] /.test(line))
  const there = known.filter((line) => line.startsWith('+'))
  const rest = lines.slice(lines.findLastIndex((line) => /^([=+-] |stamp$)/.test(line)) + 1)
  if (rest.length !== there.length * (hash ? 2 : 1)) return garbage(type, `${rest.length} lines about files`)
  const files = known.map((line) => {
    const index = there.indexOf(line)
    return parseFile(
      type,
      line.slice(2),
      index < 0 ? undefined : rest[index],
      hash ? rest[there.length + index] : undefined,
    )
  })
  return { header, url, files, present: true }
}

const parseFile = (type: string, line: string, stat: string | undefined, hash: string | undefined): Installed => {
  const [, facts, sha256, path] = /^(\d+ \d+ [\d.]+) ([0-9a-f]{64}) (\/.*)$/.exec(line) ?? []
  if (path === undefined) return { path: line, same: false, state: undefined }
  if (stat === undefined) return { path, same: false, state: undefined }
  const [own = '', ...now] = stat.split(' ')
  // sha256sum marks an escaped name by a backslash before the sum
  const content = hash === undefined || hash.replace(/^\\/, '').slice(0, 64) === sha256
  return { path, same: now.join(' ') === facts && content, state: parseStat(type, own) }
}
