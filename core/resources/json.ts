import { isDeepStrictEqual } from 'node:util'
import { type Change, declare, pathIdentity, type Resource, type ResourceType, Unknown } from '../declare/resource.ts'
import { ProbeError } from '../errors.ts'
import { quote } from '../remote/shell.ts'
import { hidden, isSecret, revealed, Secret, secretsIn } from '../secrets/secret.ts'
import { checkFilePath, wrong } from './shared/declared.ts'
import {
  isObject,
  type Json,
  type JsonObject,
  mergePatch,
  parseExactly,
  patchChanges,
  unitePatches,
} from './shared/json.ts'
import { ANY, lookAt, type PathState, type Present, parseLook, sha256Of } from './shared/observe.ts'
import { type Ownership, type OwnershipOptions, ownershipChanges, ownershipOfFile } from './shared/ownership.ts'
import { fail, mendOwnership, replaceFile, type Validation } from './shared/replace.ts'
import { checkValidation } from './shared/validation.ts'

/** What a JSON file should hold. Mode: default `'0644'`, with a secret in it `'0600'`. */
export type JsonOptions = OwnershipOptions &
  Validation &
  Readonly<{
    /**
     * Objects are merged key by key, all else is replaced, null removes a key. With a secret among its values no value
     * is ever shown, but the file comes home to be merged. Source: RFC 7396.
     */
    merge: SecretJsonObject
  }>

type SecretJson = Json | Secret | readonly SecretJson[] | SecretJsonObject
type SecretJsonObject = { readonly [key: string]: SecretJson }

/** `merge`: where it holds secrets it is one, as JSON. */
export type JsonWant = Ownership & Validation & Readonly<{ merge: JsonObject | Secret }>

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
    return new Map(all.map(({ id, want }, index) => [id, haveOf(states[index] as PathState, want)]))
  },
  diff: (want, have) => {
    if (have.kind === 'unfit') throw new ProbeError(have.problem, { hint: have.hint })
    const leaves = leavesOf(want, have.kind === 'file' ? objectIn(have.text) : {})
    if (have.kind === 'absent') return [{ property: 'state', from: 'absent', to: 'present' }, ...leaves]
    return [...leaves, ...ownershipChanges(want, have.state)]
  },
  endsNothing: () => true,
  apply: async ({ id, want, have, upload }) => {
    if (Unknown.is(have) || have.kind === 'unfit') return fail('it was not observed: run again')
    if (have.kind === 'file' && leavesOf(want, objectIn(have.text)).length === 0) return mendOwnership(want, id)
    const merged = mergePatch(have.kind === 'file' ? parseExactly(have.text.trim() || '{}') : {}, patchIn(want))
    const content = Buffer.from(`${JSON.stringify(merged, null, 2)}\n`)
    const replace = await replaceFile({ ...want, path: id, content }, upload)
    return `${unlessChanged(id, have.kind === 'file' ? have.state.sha256 : 'absent', sha256Of(content))}\n${replace}`
  },
  merge: (one, other) => {
    const merge = unitePatches(patchIn(one), patchIn(other))
    const same = isDeepStrictEqual({ ...one, merge: {} }, { ...other, merge: {} })
    return same && isObject(merge) ? { ...one, merge: patchOf(merge, secretsIn([one.merge, other.merge])) } : undefined
  },
  inputs: (id) => [id],
  sensitive: ({ merge }) => isSecret(merge),
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
  const given = revealed(options.merge)
  const secrets = secretsIn(options.merge)
  const merge: unknown = JSON.parse(JSON.stringify(given) ?? 'null')
  if (!isObject(merge as JsonObject) || !isDeepStrictEqual(merge, given))
    throw wrong(
      resource,
      'merge must be an object of plain JSON values',
      'leave out undefined, NaN, dates and functions',
    )
  const validation = checkValidation(resource, path, options)
  return declare(jsonType, path, {
    ...ownershipOfFile(resource, options, secrets.length > 0),
    ...validation,
    merge: patchOf(merge as JsonObject, secrets),
  })
}

const patchOf = (patch: JsonObject, secrets: readonly Secret[]): JsonObject | Secret =>
  secrets.length === 0 ? patch : Secret.of('JSON', JSON.stringify(patch), secrets)

const patchIn = ({ merge }: JsonWant): JsonObject => (isSecret(merge) ? JSON.parse(merge.reveal()) : merge)

const hideValue = (value: string): string => (value === '(absent)' ? value : hidden(value))

const leavesOf = (want: JsonWant, have: JsonObject): readonly Change[] => {
  const leaves = patchChanges(patchIn(want), have)
  if (!isSecret(want.merge)) return leaves
  return leaves.map(({ property, from, to }) => ({ property, from: hideValue(from), to: hideValue(to) }))
}

const haveOf = (state: PathState, want: JsonWant): JsonHave => {
  if (state.kind === 'absent') return state
  if (state.kind !== 'file') return unfit(`it is a ${state.kind} and no file`, 'move it away by hand')
  if (state.size > LIMIT) return unfit('the file is over 1 MiB', 'is this the right path?')
  if (state.content === undefined) return unfit('the file changed while it was looked at', 'run again')
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(state.content)
    objectIn(text)
    return { kind: 'file', state, text }
  } catch (error) {
    // the message quotes the text
    const reason = isSecret(want.merge) ? '' : `: ${(error as Error).message}`
    return unfit(`it holds no JSON object${reason}`, 'mend it by hand; nothing in it is thrown away')
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
