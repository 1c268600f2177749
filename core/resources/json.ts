import { isDeepStrictEqual } from 'node:util'
import { declare, pathIdentity, type Resource, type ResourceType, UNKNOWN } from '../declare/resource.ts'
import { ProbeError } from '../errors.ts'
import { quote } from '../remote/shell.ts'
import { checkFilePath, wrong } from './shared/declared.ts'
import { isObject, type JsonObject, mergePatch, parseExactly, patchChanges, unitePatches } from './shared/json.ts'
import { ANY, lookAt, type PathState, type Present, parseLook, sha256Of } from './shared/observe.ts'
import { type Ownership, type OwnershipOptions, ownershipChanges, ownershipOf } from './shared/ownership.ts'
import { fail, mendOwnership, replaceFile, type Validation } from './shared/replace.ts'
import { checkValidation } from './shared/validation.ts'

/** What a JSON file should hold. Mode: default `'0644'`. */
export type JsonOptions = OwnershipOptions &
  Validation &
  Readonly<{
    /** Objects are merged key by key, all else is replaced, null removes a key. Source: RFC 7396. */
    merge: JsonObject
  }>

export type JsonWant = Ownership & Validation & Readonly<{ merge: JsonObject }>

export type JsonHave =
  | Readonly<{ kind: 'absent' }>
  | Readonly<{ kind: 'file'; state: Present; text: string }>
  | Readonly<{ kind: 'unfit'; problem: string; hint: string }>

// Bytes of the file.
const LIMIT = 1024 * 1024

export const jsonType: ResourceType<JsonWant, JsonHave> = {
  name: 'json',
  identity: pathIdentity,
  probe: (all) =>
    lookAt(
      all.map(({ id }) => ({ path: id, wanted: ANY })),
      LIMIT,
    ),
  parse: (output, all) => {
    const states = parseLook('json', output, all.length, LIMIT)
    return new Map(all.map(({ id }, index) => [id, haveOf(states[index] as PathState)]))
  },
  diff: (want, have) => {
    if (have.kind === 'unfit') throw new ProbeError(have.problem, { hint: have.hint })
    const leaves = patchChanges(want.merge, have.kind === 'file' ? objectIn(have.text) : {})
    if (have.kind === 'absent') return [{ property: 'state', from: 'absent', to: 'present' }, ...leaves]
    return [...leaves, ...ownershipChanges(want, have.state)]
  },
  apply: async ({ id, want, have, upload }) => {
    if (have === UNKNOWN || have.kind === 'unfit') return fail('it was not observed: run again')
    if (have.kind === 'file' && patchChanges(want.merge, objectIn(have.text)).length === 0)
      return mendOwnership(want, id)
    const merged = mergePatch(have.kind === 'file' ? parseExactly(have.text.trim() || '{}') : {}, want.merge)
    const content = Buffer.from(`${JSON.stringify(merged, null, 2)}\n`)
    const replace = await replaceFile({ ...want, path: id, content }, upload)
    return `${unlessChanged(id, have.kind === 'file' ? have.state.sha256 : 'absent', sha256Of(content))}\n${replace}`
  },
  merge: (one, other) => {
    const merge = unitePatches(one.merge, other.merge)
    const same = isDeepStrictEqual({ ...one, merge: {} }, { ...other, merge: {} })
    return same && isObject(merge) ? { ...one, merge } : undefined
  },
  inputs: (id) => [id],
}

/**
 * A JSON file whose other keys belong to others, such as Docker's daemon.json: they are kept, and the order of keys is
 * no difference. It is written anew from what was observed, unless it was changed since. Two roles may own different
 * keys of one file.
 * @throws DeclarationError
 */
export const json = (path: string, options: JsonOptions): Resource<JsonWant> => {
  const resource = `json ${path}`
  checkFilePath('json', path)
  const merge: unknown = JSON.parse(JSON.stringify(options.merge) ?? 'null')
  if (!isObject(merge as JsonObject) || !isDeepStrictEqual(merge, options.merge))
    throw wrong(
      resource,
      'merge must be an object of plain JSON values',
      'leave out undefined, NaN, dates and functions',
    )
  const validation = checkValidation(resource, path, options)
  return declare(jsonType, path, {
    ...ownershipOf(resource, options, '0644'),
    ...validation,
    merge: merge as JsonObject,
  })
}

const haveOf = (state: PathState): JsonHave => {
  if (state.kind === 'absent') return state
  if (state.kind !== 'file') return unfit(`it is a ${state.kind} and no file`, 'move it away by hand')
  if (state.size > LIMIT) return unfit('the file is over 1 MiB', 'is this the right path?')
  if (state.content === undefined) return unfit('the file changed while it was looked at', 'run again')
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(state.content)
    objectIn(text)
    return { kind: 'file', state, text }
  } catch (error) {
    return unfit(
      `it holds no JSON object: ${(error as Error).message}`,
      'mend it by hand; nothing in it is thrown away',
    )
  }
}

const unfit = (problem: string, hint: string): JsonHave => ({ kind: 'unfit', problem, hint })

// An empty file has nothing to lose.
const objectIn = (text: string): JsonObject => {
  const value: JsonObject = JSON.parse(text.trim() || '{}')
  if (!isObject(value)) throw new TypeError(`its top level is ${Array.isArray(value) ? 'an array' : typeof value}`)
  return value
}

// The new content is right too: a fragment that runs again finds its own work.
const unlessChanged = (path: string, observed: string | undefined, next: string): string => `
path=${quote(path)} now=absent
if [ ! -L "$path" ] && [ -f "$path" ]; then
  now=$(sha256sum <"$path")
  now=\${now%% *}
elif [ -L "$path" ] || [ -e "$path" ]; then
  now=other
fi
case $now in
  ${observed} | ${next}) ;;
  *) ${fail('the file was changed since it was observed: run again')} ;;
esac`
