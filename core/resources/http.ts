import { isDeepStrictEqual } from 'node:util'
import { type Change, declare, type Resource, type ResourceType, Unknown } from '../declare/resource.ts'
import { ProbeError } from '../errors.ts'
import { hidden, revealed, secretsIn } from '../secrets/secret.ts'
import {
  checkAccess,
  checkRequest,
  curlConfig,
  curlScript,
  type HttpAccess,
  type HttpRequest,
  NO_CURL,
  noAnswer,
} from './shared/curl.ts'
import { checkText, wrong } from './shared/declared.ts'
import { isObject, type Json, patchChanges } from './shared/json.ts'
import { garbage } from './shared/observe.ts'
import { checkSeconds } from './shared/seconds.ts'

/** Whether an answer is as it should be. */
export type HttpPredicate = (body: Json) => boolean

/** What makes it so; a function where that depends on what there is. `undefined`: that is not known. */
export type HttpApply = HttpRequest | ((have: HttpHave | undefined) => HttpRequest)

/** A thing behind an HTTP API that listens on the host's loopback. */
export type HttpOptions = HttpAccess &
  Readonly<{
    /** What is asked in every probe: a path, such as `/v1/acl/policy/name/dns`, or a request that only reads. */
    observe: string | HttpRequest
    /**
     * The part of the answer that must be so: objects key by key, `null` where there must be no such key, all else
     * equal; text may be a `Secret`. Keys that are not named belong to others. A predicate may stand for any value, or
     * for the whole.
     */
    want: unknown | HttpPredicate
    /** Statuses that say that it does not exist; an answer of `null` says so too. Default `[404]`. */
    absent?: readonly number[]
    apply: HttpApply
    /** How long `apply` may take. Default `'60s'`. */
    within?: `${number}s`
  }>

export type HttpWant = HttpAccess &
  Readonly<{
    observe: HttpRequest
    want: unknown
    absent: readonly number[]
    apply: HttpApply
    within: number
  }>

export type HttpHave =
  | Readonly<{ kind: 'absent' }>
  | Readonly<{ kind: 'present'; body: Json }>
  | Readonly<{ kind: 'unfit'; problem: string }>

export const httpType: ResourceType<HttpWant, HttpHave> = {
  name: 'http',
  probe: (all) => `
command -v curl >/dev/null || { echo none; exit 0; }
down= nl='
'
# an API that refuses or hangs once is not asked again, nor one that ponders long and then fails
get() {
  case $down in *" $2 "*) echo "$1 000"; return ;; esac
  status=0 began=$(date +%s)
  answer=$(timeout 15 curl -q --config - 2>/dev/null) || status=$?
  case \${answer##*"$nl"} in 5??) [ $(($(date +%s) - began)) -lt 3 ] || down="$down $2 " ;; esac
  case $status in
    0) printf '%s %s %s\\n' "$1" "\${answer##*"$nl"}" "$(printf %s "\${answer%"$nl"*}" | base64 -w 0)" ;;
    7 | 28 | 124) down="$down $2 "; echo "$1 000" ;;
    *) echo "$1 000" ;;
  esac
}
${questionsOf(all.map(({ want }) => want))}`,
  parse: (output, all) => {
    if (output.trim() === 'none') return new Map(all.map(({ id }) => [id, NO_CURL]))
    const lines = output.split('\n').filter((line) => line !== '')
    if (lines.length !== all.length) garbage('http', `${lines.length} answers to ${all.length} questions`)
    return new Map(all.map(({ id, want }, index) => [id, haveOf(want, index, lines[index] ?? '')]))
  },
  diff: (want, have) => {
    if (have.kind === 'unfit')
      throw new ProbeError(have.problem, { hint: `on the host, look at ${want.url}${want.observe.path}` })
    if (have.kind === 'absent') return [{ property: 'state', from: 'absent', to: 'present' }]
    const changes = bodyChanges(want.want, have.body)
    return isSensitive(want) ? changes.map(hideValues) : changes
  },
  apply: ({ id, want, have }) => {
    const request = typeof want.apply === 'function' ? want.apply(Unknown.is(have) ? undefined : have) : want.apply
    checkRequest(`http ${id}`, request)
    return curlScript(want, request, want.within)
  },
  sensitive: (want) => isSensitive(want),
}

/**
 * A thing that is observed and changed through an HTTP API on the host's loopback, by curl there: a policy, a token, a
 * job. An API that does not answer, refuses the token (401, 403) or is out of order (5xx) cannot be observed; that is
 * provisional after earlier changes, and else an error. `apply` must be safe to repeat.
 * @throws DeclarationError, among others for a URL that is not on the loopback.
 */
export const http = (name: string, options: HttpOptions): Resource<HttpWant> => {
  const resource = `http ${name}`
  const { observe, absent = [404], within = '60s', ...rest } = options
  checkText(resource, 'its name', name)
  checkAccess(resource, options)
  const question: HttpRequest = typeof observe === 'string' ? { path: observe } : observe
  checkRequest(resource, question)
  if (typeof rest.apply !== 'function') checkRequest(resource, rest.apply)
  if (rest.want === undefined) throw wrong(resource, 'it wants nothing')
  return declare(httpType, name, {
    ...rest,
    observe: question,
    absent,
    within: checkSeconds(resource, 'within', within),
  })
}

const questionsOf = (wants: readonly HttpWant[]): string => {
  const origins = [...new Set(wants.map(({ url }) => url))]
  const ask = (want: HttpWant, index: number): string =>
    `get ${index} ${origins.indexOf(want.url)} ${curlConfig(want, want.observe, 10)}`
  return wants.map(ask).join('\n')
}

const haveOf = ({ absent }: HttpWant, index: number, line: string): HttpHave | Unknown => {
  const [, number, code, base64 = ''] = /^(\d+) (\d{3})(?: ([A-Za-z0-9+/]*={0,2}))?$/.exec(line) ?? []
  if (Number(number) !== index) return garbage('http', line)
  const status = Number(code)
  const text = Buffer.from(base64, 'base64').toString()
  if (absent.includes(status)) return { kind: 'absent' }
  // 429: too many requests
  if (status === 0 || status === 401 || status === 403 || status === 429 || status >= 500) return noAnswer(status, text)
  if (status < 200 || status > 299) return { kind: 'unfit', problem: `it answers ${status}: ${text.slice(0, 300)}` }
  try {
    const body: Json = text === '' ? null : JSON.parse(text)
    return body === null ? { kind: 'absent' } : { kind: 'present', body }
  } catch {
    return { kind: 'unfit', problem: `its answer is not JSON: ${text.slice(0, 300)}` }
  }
}

const bodyChanges = (want: unknown, body: Json): readonly Change[] => {
  if (typeof want === 'function')
    return want(body) ? [] : [{ property: 'answer', from: 'not as it should be', to: 'as declared' }]
  const plain = judged(revealed(want), body)
  if (isObject(plain) && isObject(body)) return patchChanges(plain, body)
  if (isDeepStrictEqual(plain, body)) return []
  return [{ property: 'answer', from: JSON.stringify(body), to: JSON.stringify(plain) }]
}

// What a predicate accepts is as wanted.
const judged = (want: unknown, have: Json | undefined): Json => {
  if (typeof want === 'function') return want(have) ? (have ?? null) : 'as declared'
  if (!isObject(want)) return want as Json
  const values = isObject(have) ? have : {}
  return Object.fromEntries(Object.entries(want).map(([key, value]) => [key, judged(value, values[key])]))
}

const hideValues = ({ property, from, to }: Change): Change => ({ property, from: hideValue(from), to: hideValue(to) })

const hideValue = (value: string): string => (value === '(absent)' ? value : hidden(value))

const isSensitive = ({ want, observe, apply }: HttpWant): boolean => secretsIn([want, observe, apply]).length > 0
