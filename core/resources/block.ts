import { declare, pathIdentity, type Resource, type ResourceType } from '../declare/resource.ts'
import { ProbeError } from '../errors.ts'
import { printBytes, quote } from '../remote/shell.ts'
import { hidden, isSecret, Secret } from '../secrets/secret.ts'
import { checkFilePath, checkText, wrong } from './shared/declared.ts'
import { ANY, lookAt, type PathState, parseLook } from './shared/observe.ts'
import { beginReplace, endReplace, fail } from './shared/replace.ts'

/** What a managed block should hold. */
export type BlockOptions = Readonly<{
  /** Letters, digits, `.`, `_` and `-`; tells this block from the others in the same file. */
  name: string
  /**
   * The lines between the markers; a missing final newline is added. Of a secret nothing is ever shown, but the file
   * comes home to be compared, and who may read it is not this block's to say.
   */
  content: string | Secret
}>

export type BlockWant = Readonly<{ content: string | Secret }>

/** `body`: what is between the markers, byte for byte as latin1; undefined: no such block. */
export type BlockHave =
  | Readonly<{ kind: 'absent' }>
  | Readonly<{ kind: 'file'; body: string | undefined }>
  | Readonly<{ kind: 'unfit'; problem: string; hint: string }>

// Bytes of the file that holds the block.
const LIMIT = 1024 * 1024
const HALF_A_BLOCK = 'its markers are not one BEGIN followed by one END'

// An id is PATH#NAME; no name holds a #.
const pathOf = (id: string): string => id.slice(0, id.lastIndexOf('#'))
const markers = (id: string): Readonly<{ begin: string; end: string }> => {
  const name = id.slice(id.lastIndexOf('#') + 1)
  return { begin: `# BEGIN caravan ${name}`, end: `# END caravan ${name}` }
}

export const blockType: ResourceType<BlockWant, BlockHave> = {
  name: 'block',
  partOf: (id) => pathIdentity(pathOf(id)),
  probe: (all) =>
    lookAt(
      all.map(({ id }) => ({ path: pathOf(id), wanted: ANY })),
      LIMIT,
    ),
  parse: (output, all) => {
    const states = parseLook('block', output, all.length, LIMIT)
    return new Map(all.map(({ id }, index) => [id, haveOf(id, states[index] as PathState)]))
  },
  diff: (want, have) => {
    if (have.kind === 'unfit') throw new ProbeError(have.problem, { hint: have.hint })
    const from = have.kind === 'absent' ? undefined : have.body
    const to = textOf(want)
    if (from === Buffer.from(to).toString('latin1')) return []
    const before = Buffer.from(from ?? '', 'latin1').toString()
    const show = isSecret(want.content) ? hidden : lines
    const change = { property: 'block', from: from === undefined ? 'absent' : show(before), to: show(to) }
    return [isSecret(want.content) ? change : { ...change, diff: { from: before, to } }]
  },
  endsNothing: () => true,
  apply: ({ id, want }) => applyBlock(id, want),
  inputs: (id) => [pathOf(id)],
  sensitive: ({ content }) => isSecret(content),
}

/**
 * Lines in a file that others own too, such as /etc/hosts, between `# BEGIN caravan NAME` and `# END caravan NAME`.
 * Replaced where they are, else appended; all else in the file, its mode and its owner stay. A file that does not
 * exist is made as root's, `0644`, for a secret `0600`. Half a block is an error of the plan, so that nothing gets lost.
 * @throws DeclarationError
 */
export const block = (path: string, { name, content: given }: BlockOptions): Resource<BlockWant> => {
  checkFilePath('block', path)
  const resource = `block ${path}#${name}`
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw wrong(resource, 'its name must be letters, digits, ".", "_" and "-"')
  const content = checkText(resource, 'content', textOf({ content: given }))
  if (/^# (BEGIN|END) caravan /m.test(content))
    throw wrong(resource, 'its content holds a line that looks like a marker')
  const whole = /(^|\n)$/.test(content) ? content : `${content}\n`
  return declare(blockType, `${path}#${name}`, {
    content: isSecret(given) ? Secret.of(resource, whole, [given]) : whole,
  })
}

const textOf = ({ content }: BlockWant): string => (isSecret(content) ? content.reveal() : content)

const haveOf = (id: string, state: PathState): BlockHave => {
  if (state.kind === 'absent') return state
  if (state.kind !== 'file') return unfit(`it is a ${state.kind} and no file`, 'put the block where the file really is')
  if (state.size > LIMIT) return unfit('the file is over 1 MiB', 'put the block into a file of its own')
  if (state.content === undefined) return unfit('the file changed while it was looked at', 'run again')
  return bodyIn(state.content.toString('latin1').split('\n'), markers(id))
}

const unfit = (problem: string, hint: string): BlockHave => ({ kind: 'unfit', problem, hint })

const bodyIn = (all: readonly string[], { begin, end }: ReturnType<typeof markers>): BlockHave => {
  const first = all.indexOf(begin)
  const last = all.indexOf(end)
  if (first < 0 && last < 0) return { kind: 'file', body: undefined }
  const once = first === all.lastIndexOf(begin) && last === all.lastIndexOf(end)
  if (!once || first < 0 || last < first) return unfit(HALF_A_BLOCK, `mend the lines "${begin}" and "${end}" by hand`)
  return {
    kind: 'file',
    body: all
      .slice(first + 1, last)
      .map((line) => `${line}\n`)
      .join(''),
  }
}

const lines = (text: string): string => {
  const count = text.split('\n').length - 1
  return count === 1 ? '1 line' : `${count} lines`
}

// It is found and replaced on the host, not from what was observed: other blocks in the file may have changed before.
const applyBlock = (id: string, want: BlockWant): string => {
  const { begin, end } = markers(id)
  return `
${beginReplace(pathOf(id))}
if [ -L "$path" ] || [ -p "$path" ]; then ${fail('it is no regular file any more: run again')}; fi
block() {
${printBytes(Buffer.from(`${begin}\n${textOf(want)}${end}\n`))}}
number() { LC_ALL=C grep -anxF -e "$1" -- "$path" | cut -d: -f1; }
if [ ! -e "$path" ]; then
  block >"$tmp"
  chmod ${isSecret(want.content) ? '0600' : '0644'} -- "$tmp"
else
  first=$(number ${quote(begin)}) last=$(number ${quote(end)})
  case "$first/$last" in
    /) { cat -- "$path"; [ ! -s "$path" ] || [ "$(tail -c 1 -- "$path" | wc -l)" -eq 1 ] || echo; block; } >"$tmp" ;;
    /* | */ | *[!0-9/]*) ${fail(HALF_A_BLOCK)} ;;
    *)
      [ "$first" -lt "$last" ] || ${fail(HALF_A_BLOCK)}
      { head -n $((first - 1)) -- "$path"; block; tail -n +$((last + 1)) -- "$path"; } >"$tmp"
      ;;
  esac
  cp --attributes-only --preserve=mode,ownership -- "$path" "$tmp"
fi
${endReplace}`
}
