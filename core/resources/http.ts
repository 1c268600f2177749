import { isDeepStrictEqual } from 'node:util'
import { type Change, declare, type Resource, type ResourceType, UNKNOWN } from '../declare/resource.ts'
import { ProbeError } from '../errors.ts'
import { secretsIn } from '../secrets/secret.ts'
import { configOf, type HttpAccess, type HttpRequest } from './shared/curl.ts'
import { checkPath, checkText, wrong } from './shared/declared.ts'
import { isObject, type Json, type JsonObject, patchChanges } from './shared/json.ts'
import { garbage } from './shared/observe.ts'
import { checkSeconds } from './shared/seconds.ts'

/** A thing behind an HTTP API that listens on the host's loopback. */
export type HttpOptions = HttpAccess &
  Readonly<{
    /** What is asked in every probe: a path for GET, such as `/v1/acl/policy/name/dns`, or a request that only reads. */
    observe: string | HttpRequest
    /**
     * The part of the answer that must be so: objects key by key, where `null` means that there is no such key, and all
     * else equal. Keys that are not named belong to others. Or a predicate.
     */
    want: Json | ((body: Json) => boolean)
    /** Statuses that say that it does not exist. Default `[404]`; an answer of `null` says so too. */
    absent?: readonly number[]
    /** What makes it so; a function where that depends on what there is, which may not be known. */
    apply: HttpRequest | ((have: HttpHave | undefined) => HttpRequest)
    /** How long `apply` may take. Default `'60s'`. */
    within?: `${number}s`
  }>

export type HttpWant = Omit<HttpOptions, 'within' | 'absent' | 'observe'> &
  Readonly<{ observe: HttpRequest; absent: readonly number[]; within: number }>

export type HttpHave =
  | Readonly<{ kind: 'absent'; status: number }>
  | Readonly<{ kind: 'present'; status: number; body: Json }>
  | Readonly<{ kind: 'unfit'; status: number; problem: string }>

// Bytes of an answer.
const LIMIT = 4 * 1024 * 1024

export const httpType: ResourceType<HttpWant, HttpHave> = {
  name: 'http',
  probe: (all) => {
    const origins = [...new Set(all.map(({ want }) => want.url))]
    return `
command -v curl >/dev/null || { echo none; exit 0; }
down= nl='
'
# what refuses or hangs once is not asked again
get() {
  case $down in *" $2 "*) echo "$1 000"; return ;; esac
  status=0
  answer=$(timeout 15 curl -q --config -) || status=$?
  case $status in
    0) printf '%s %s %s\\n' "$1" "\${answer##*"$nl"}" "$(printf %s "\${answer%"$nl"*}" | base64 -w 0)" ;;
    7 | 28 | 124) down="$down $2 "; echo "$1 000" ;;
    *) echo "$1 000" ;;
  esac
}
${all.map(({ want }, index) => `get ${index} ${origins.indexOf(want.url)} ${configOf(want, want.observe, { seconds: 10, bytes: LIMIT })}`).join('\n')}`
  },
  parse: (output, all) => {
    if (output.trim() === 'none') return new Map(all.map(({ id }) => [id, UNKNOWN]))
    const lines = output.split('\n').filter((line) => line !== '')
    if (lines.length !== all.length) garbage('http', `${lines.length} answers to ${all.length} questions`)
    return new Map(all.map(({ id, want }, index) => [id, haveOf(want, index, lines[index] ?? '')]))
  },
  diff: (want, have) => {
    if (have.kind === 'unfit') throw new ProbeError(have.problem, { hint: `look at ${want.url}${want.observe.path} on the host` })
    if (have.kind === 'absent') return [{ property: 'state', from: 'absent', to: 'present' }]
    const changes = bodyChanges(want.want, have.body)
    return httpType.sensitive?.(want) ? changes.map(({ property }) => ({ property, ...HIDDEN })) : changes
  },
  apply: ({ want, have }) => {
    const request = typeof want.apply === 'function' ? want.apply(have === UNKNOWN ? undefined : have) : want.apply
    const what = `${request.method ?? 'GET'} ${want.url}${request.path}`
    return `
what=${JSON.stringify(what)} status=0 nl='
'
`
  },
  sensitive: (want) => secretsIn([want.want, want.observe, want.apply]).length > 0,
}
const HIDDEN = { from: '(hidden)', to: '(hidden)' }
