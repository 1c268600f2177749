import { createHash } from 'node:crypto'
import { ProbeError } from '../../errors.ts'
import { quote, words } from '../../remote/shell.ts'

/** What is at a path; symbolic links are not followed. */
export type PathState = Absent | Present
export type Absent = Readonly<{ kind: 'absent' }>
export type Kind = 'file' | 'directory' | 'symlink' | 'FIFO' | 'socket' | 'block device' | 'character device'
export type Present = Readonly<{
  kind: Kind
  /** Names; `UNKNOWN` where the host knows only the number. */
  owner: string
  group: string
  uid: string
  gid: string
  /** Four octal digits. */
  mode: string
  /** Bytes. */
  size: number
  /** Hex; of regular files, where it was asked for. */
  sha256?: string
  /** Of regular files whose sha256 is not the wanted one, up to the limit. */
  content?: Buffer
}>

/** One path to look at. `wanted`: content is brought home unless its sha256 is this one; undefined: never. */
export type Look = Readonly<{ path: string; wanted?: string | undefined }>

/** Matches no file: its content is always brought home. */
export const ANY = 'any'

/** What brings home no content: the type needs kind, owner and mode alone. */
export const NO_CONTENT = 0

// Existence is tested by the shell itself; then one stat for all that exist and one sha256sum for all regular files.
// Only these are hashed or read, since a FIFO hangs. Nothing prints a name: answers are matched by their order.
const FRAGMENT = `
kinds=
for p do
  if [ -L "$p" ]; then k=o; elif [ -f "$p" ]; then k=f; elif [ -e "$p" ]; then k=o; else k=-; fi
  kinds=$kinds$k
done
echo "$kinds"
(
  for p do
    shift
    if [ -L "$p" ] || [ -e "$p" ]; then set -- "$@" "$p"; fi
  done
  [ $# -eq 0 ] || stat -c '%f:%u:%g:%s:%U:%G' -- "$@"
)
`
const HASHES = `
sums=$(
  for p do
    shift
    if [ ! -L "$p" ] && [ -f "$p" ]; then set -- "$@" "$p"; fi
  done
  [ $# -eq 0 ] || timeout 60 sha256sum -- "$@"
)
for p do
  want=\${wants%% *} wants=\${wants#* }
  if [ -L "$p" ] || [ ! -f "$p" ]; then continue; fi
  sum=\${sums%%"$nl"*} sums=\${sums#*"$nl"}
  sum=\${sum#\\\\} sum=\${sum%% *}
  if [ "$want" = - ] || [ "$want" = "$sum" ] || [ "$(wc -c <"$p")" -gt "$limit" ]; then
    echo "$sum"
  else
    echo "$sum $(head -c "$limit" -- "$p" | base64 -w 0)"
  fi
done
`

/** A read-only fragment that looks at all these paths. `limit`: bytes of a file up to which its content is shown. */
export const lookAt = (all: readonly Look[], limit: number): string => {
  const paths = `set -e\nset -- ${words(all.map(({ path }) => path))}${FRAGMENT}`
  if (limit === NO_CONTENT) return paths
  const wants = all.map(({ wanted }) => wanted ?? '-').join(' ')
  return `${paths}limit=${limit} wants=${quote(`${wants} `)} nl='\n'${HASHES}`
}

/** Understands what `lookAt` printed, in the order of the paths. @throws ProbeError */
export const parseLook = (type: string, output: string, count: number, limit: number): readonly PathState[] => {
  const lines = output.split('\n')
  const take = (): string => lines.shift() ?? garbage(type, 'it ends too early')
  const kinds = take()
  if (kinds.length !== count || !/^[fo-]*$/.test(kinds)) garbage(type, kinds)
  const states: PathState[] = [...kinds].map((kind) => (kind === '-' ? { kind: 'absent' } : parseStat(type, take())))
  const full =
    limit === NO_CONTENT
      ? states
      : states.map((state) => (state.kind === 'file' ? withHash(type, state, take()) : state))
  if (take() !== '' || lines.length > 0) garbage(type, 'it goes on after its end')
  return full
}

/** @throws ProbeError that says which type's probe printed what cannot be. */
export const garbage = (type: string, line: string): never => {
  throw new ProbeError(`the probe of ${type} was not understood: ${JSON.stringify(line.slice(0, 100))}`, {
    hint: 'does something on the host replace or wrap the programs that a probe runs?',
  })
}

// Source: inode(7), the file type in st_mode
const KINDS: Readonly<Record<number, Kind>> = {
  4096: 'FIFO',
  8192: 'character device',
  16384: 'directory',
  24576: 'block device',
  32768: 'file',
  40960: 'symlink',
  49152: 'socket',
}

/** Understands one line of `stat -c %f:%u:%g:%s:%U:%G`. @throws ProbeError */
export const parseStat = (type: string, line: string): Present => {
  const [, raw, uid, gid, size, owner, group] = /^([0-9a-f]+):(\d+):(\d+):(\d+):([^:]+):([^:]+)$/.exec(line) ?? []
  const bits = Number.parseInt(raw ?? '', 16)
  const kind = KINDS[bits & 0xf000]
  if (!kind || !uid || !gid || !owner || !group) return garbage(type, line)
  const mode = (bits & 0o7777).toString(8).padStart(4, '0')
  return { kind, owner, group, uid, gid, mode, size: Number(size) }
}

const withHash = (type: string, state: Present, line: string): Present => {
  const [, sha256, base64] = /^([0-9a-f]{64})(?: ([A-Za-z0-9+/]*={0,2}))?$/.exec(line) ?? []
  if (sha256 === undefined) return garbage(type, line)
  const content = base64 === undefined ? undefined : Buffer.from(base64, 'base64')
  // a file that is being written while we look is shown without its content
  return content !== undefined && sha256Of(content) === sha256 ? { ...state, sha256, content } : { ...state, sha256 }
}

/** Lower-case hex. */
export const sha256Of = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex')
