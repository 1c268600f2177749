import { type Change, declare, pathIdentity, type Resource, type ResourceType, Unknown } from '../declare/resource.ts'
import { ProbeError } from '../errors.ts'
import { quote } from '../remote/shell.ts'
import { isSecret, revealed, type Secret } from '../secrets/secret.ts'
import { checkFilePath, checkPath, checkText, parentOf, wrong } from './shared/declared.ts'
import { type Clash, configChanges, mergeConfigs, sameConfig } from './shared/haproxy-merge.ts'
import { type Config, parseConfig, renderConfig, versionIn } from './shared/haproxy-text.ts'
import { ANY, lookAt, type PathState, type Present, parseLook, sha256Of } from './shared/observe.ts'
import { type Ownership, type OwnershipOptions, ownershipChanges, ownershipOfFile } from './shared/ownership.ts'
import { fail, mendOwnership, replaceFile, type Validation } from './shared/replace.ts'
import { checkValidation } from './shared/validation.ts'

/** What HAProxy's configuration should say. Mode: default `'0644'`, with a secret in it `'0600'`. */
export type HaproxyConfigOptions = OwnershipOptions &
  Validation &
  Readonly<{
    /** The whole text; sections that are named twice are joined. Hashes of passwords in it are never shown. */
    content: string | Secret
    /** What becomes of what others changed: it is kept, or ours takes its place. Default `keep`. */
    foreign?: 'keep' | 'replace'
    /** The directory on the host that remembers what was last written. Default `/var/lib/caravan/haproxy`. */
    state?: string
  }>

export type HaproxyConfigWant = Ownership &
  Validation &
  Readonly<{ content: string | Secret; foreign: 'keep' | 'replace'; state: string }>

/** What was last written: the text of the role, and the sha256 of the file, where changes of others are in it too. */
type Base = Readonly<{ text: string; written: string }>

export type HaproxyConfigHave =
  | Readonly<{ kind: 'absent'; base: Base | undefined }>
  | Readonly<{ kind: 'file'; state: Present; text: string; base: Base | undefined }>
  | Readonly<{ kind: 'unfit'; problem: string; hint: string }>

// Bytes of the file.
const LIMIT = 1024 * 1024
const STAMP = 'caravan-haproxy 1 '

export const haproxyConfigType: ResourceType<HaproxyConfigWant, HaproxyConfigHave> = {
  name: 'haproxyConfig',
  identity: pathIdentity,
  probe: (all) =>
    lookAt(
      all.flatMap(({ id, want }) => [id, stampOf(id, want)]).map((path) => ({ path, wanted: ANY })),
      LIMIT,
    ),
  parse: (output, all) => {
    const states = parseLook('haproxyConfig', output, all.length * 2, LIMIT)
    const at = (index: number): PathState => states[index] as PathState
    return new Map(all.map(({ id }, index) => [id, haveOf(at(index * 2), at(index * 2 + 1))]))
  },
  diff: (want, have) => {
    if (have.kind === 'unfit') throw new ProbeError(have.problem, { hint: have.hint })
    const next = nextOf(want, have)
    if (next === 'absent') return [{ property: 'state', from: 'absent', to: 'present', ...wholeDiff(want) }]
    if (Array.isArray(next)) throw clashError(next)
    return changesOf(want, have as HaveFile, next as Config)
  },
  foreign: (want, have) => {
    const next = nextOf(want, have)
    return next instanceof Map ? configChanges(wanted(want), next, hide) : []
  },
  apply: async ({ id, want, have, upload }) => {
    const next = Unknown.is(have) ? 'absent' : nextOf(want, have)
    const config = next instanceof Map ? next : wanted(want)
    const found = !Unknown.is(have) && have.kind === 'file' ? have : undefined
    const content = Buffer.from(contentOf(config, found))
    const stamp = stampOf(id, want)
    const text = Buffer.from(`${STAMP}${sha256Of(content)}\n${textOf(want)}`)
    const keeps = found?.base !== undefined && found.state.sha256 === sha256Of(content)
    return `
${keeps ? '' : guard(id, stamp, sha256Of(content), Unknown.is(have) ? undefined : have)}
(
${keeps ? mendOwnership(want, id) : await replaceFile({ ...want, content, path: id }, upload)}
)
(umask 022; mkdir -p -- ${quote(parentOf(stamp))})
(
${await replaceFile({ owner: want.owner, group: want.group, mode: '0600', content: text, path: stamp }, upload)}
)`
  },
  // the file itself changes under the hands of others, who reload it themselves
  inputs: (id, want) => [stampOf(id, want)],
}

/**
 * HAProxy's configuration, which the Data Plane API writes as well. What others changed since Caravan last wrote it is
 * kept and shown; a change of `content` is merged with it, or refused where both changed the same. Comments of the Data
 * Plane API, white space and the order in which it writes lines are no change. `# _version` counts on.
 * @throws DeclarationError
 */
export const haproxyConfig = (path: string, options: HaproxyConfigOptions): Resource<HaproxyConfigWant> => {
  const resource = `haproxyConfig ${path}`
  const { content, foreign = 'keep', state = '/var/lib/caravan/haproxy' } = options
  checkFilePath('haproxyConfig', path)
  checkPath('haproxyConfig', state)
  const text = checkText(resource, 'content', revealed(content) as string)
  if (isSecret(content) && content.parts.some((part) => hide(text).includes(part.reveal())))
    throw wrong(resource, 'a secret in it would be shown', 'only hashes after the word password are hidden')
  return declare(haproxyConfigType, path, {
    ...ownershipOfFile(resource, options, isSecret(content)),
    ...checkValidation(resource, path, options),
    content,
    foreign,
    state,
  })
}

type HaveFile = Extract<HaproxyConfigHave, { kind: 'file' }>

const stampOf = (path: string, { state }: HaproxyConfigWant): string => `${state}/${encodeURIComponent(path)}`

const textOf = ({ content }: HaproxyConfigWant): string => revealed(content) as string

const wanted = (want: HaproxyConfigWant): Config => parseConfig(textOf(want))

/** Passwords and their hashes are not for others to see. Source: HAProxy configuration manual, 12.1 "Userlists" */
const hide = (text: string): string => text.replaceAll(/\b(password|stats\s+auth)(\s+)\S+/g, '$1$2…')

const haveOf = (file: PathState, stamp: PathState): HaproxyConfigHave => {
  const base = stamp.kind === 'file' ? baseIn(stamp.content?.toString() ?? '') : undefined
  if (file.kind === 'absent') return { kind: 'absent', base }
  if (file.kind !== 'file') return unfit(`it is a ${file.kind} and no file`, 'move it away by hand')
  if (file.size > LIMIT) return unfit('the file is over 1 MiB', 'look at what writes it')
  if (file.content === undefined) return unfit('the file changed while it was looked at', 'run again')
  const text = file.content.toString()
  if (!Buffer.from(text).equals(file.content)) return unfit('it is not UTF-8', 'look at what writes it')
  return { kind: 'file', state: file, text, base }
}

const unfit = (problem: string, hint: string): HaproxyConfigHave => ({ kind: 'unfit', problem, hint })

const baseIn = (stamp: string): Base | undefined => {
  const [, written, text] = /^caravan-haproxy 1 ([0-9a-f]{64})\n([\s\S]*)$/.exec(stamp) ?? []
  return written === undefined || text === undefined ? undefined : { written, text }
}

/** What the file shall say: what the role wants, with what others changed since. */
const nextOf = (want: HaproxyConfigWant, have: HaproxyConfigHave): Config | readonly Clash[] | 'absent' => {
  if (have.kind !== 'file') return 'absent'
  if (have.base === undefined || want.foreign === 'replace') return wanted(want)
  return mergeConfigs(parseConfig(have.base.text), wanted(want), parseConfig(have.text))
}

const changesOf = (want: HaproxyConfigWant, { state, text, base }: HaveFile, next: Config): readonly Change[] => {
  const changes = configChanges(parseConfig(text), next, hide)
  if (base === undefined)
    return [{ property: 'origin', from: 'written by others', to: 'written by Caravan' }, ...changes]
  // who wrote the file since has said whose it is
  const owned = state.sha256 === base.written ? ownershipChanges(want, state) : []
  const known = sameConfig(parseConfig(base.text), wanted(want))
  const remembered = { property: 'remembered', from: 'an older text of the role', to: 'this one' }
  return [...changes, ...owned, ...(known || changes.length > 0 ? [] : [remembered])]
}

const wholeDiff = (want: HaproxyConfigWant): Pick<Change, 'diff'> => ({
  diff: { from: '', to: hide(renderConfig(wanted(want))) },
})

const contentOf = (config: Config, found: HaveFile | undefined): string => {
  if (found?.base !== undefined && sameConfig(config, parseConfig(found.text))) return found.text
  const version = found === undefined ? undefined : versionIn(found.text)
  return `${version === undefined ? '' : `# _version=${version + 1}\n`}${renderConfig(config)}`
}

// Others may write the file at any time. What a package brings before the first time is not theirs.
const guard = (path: string, stamp: string, next: string, have: HaproxyConfigHave | undefined): string => {
  const seen = have?.kind === 'file' ? have.state.sha256 : 'absent'
  const first = have === undefined || have.kind === 'unfit' || have.base === undefined
  return `
sum=absent
if [ -f ${quote(path)} ]; then sum=$(sha256sum <${quote(path)}) && sum=\${sum%% *}; fi
case $sum in
  absent | ${seen} | ${next}) ;;
  *) ${first ? `[ ! -e ${quote(stamp)} ] ||` : ''} ${fail('others changed it since it was looked at: run again')} ;;
esac`
}

const clashError = (clashes: readonly Clash[]): ProbeError =>
  new ProbeError('others changed it where the role changes it too', {
    detail: clashes
      .flatMap(({ section, ours, theirs }) => [
        section === '' ? 'comments' : section,
        ...ours.map((line) => `  the role: ${hide(line)}`),
        ...(ours.length === 0 ? ['  the role: nothing'] : []),
        ...theirs.map((line) => `  the file: ${hide(line)}`),
        ...(theirs.length === 0 ? ['  the file: nothing'] : []),
      ])
      .join('\n'),
    hint: 'make both say the same: change the vars of the role, or the file; or give up what is in the file, by foreign: replace',
  })
