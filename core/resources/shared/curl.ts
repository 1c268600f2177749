import { Unknown } from '../../declare/resource.ts'
import { quote } from '../../remote/shell.ts'
import { revealed, type Secret } from '../../secrets/secret.ts'
import { checkPath, wrong } from './declared.ts'

/** One request. */
export type HttpRequest = Readonly<{
  /** Default `GET`. */
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With its query, such as `/v1/acl/policies?prefix=a`. */
  path: string
  /** Plain JSON, which may hold a `Secret` in place of any text. */
  body?: unknown
}>

/** How an API on a host is reached. */
export type HttpAccess = Readonly<{
  /** Scheme, host and port on the host's loopback, such as `https://127.0.0.1:8501`. */
  url: string
  /** Proves who asks. It never stands in an argument or the environment of a program. */
  token?: Secret
  /** The header that carries the token, such as `X-Nomad-Token`. Default: `Authorization`, as a bearer. */
  tokenHeader?: string
  /** Whose password the token is, where the API wants HTTP's basic authentication. */
  user?: string
  /** A file on the host with the CA that signed the API's certificate. Default: those that the host trusts. */
  ca?: string
}>

/** Of an API that would be asked by curl. */
export const NO_CURL = new Unknown('curl is not installed on the host')

/** Of an API that gave this status and text instead of an answer; status 0: nothing came. */
export const noAnswer = (status: number, text: string): Unknown =>
  new Unknown(
    status === 0 ? 'its API does not answer' : `its API answers ${status} ${text.trim().slice(0, 300)}`.trim(),
  )

/** @throws DeclarationError */
export const checkAccess = (resource: string, { url, tokenHeader, user, ca }: HttpAccess): void => {
  const parts = URL.canParse(url) ? new URL(url) : undefined
  if (parts === undefined || !/^https?:\/\/[^/?#@\s]+$/i.test(url))
    throw wrong(resource, `${JSON.stringify(url)} is not scheme, host and port`, "write it as 'http://127.0.0.1:4646'")
  if (!/^(localhost|127(\.\d+){3}|\[::1\])$/.test(parts.hostname))
    throw wrong(resource, `${parts.hostname} is not the loopback of the host`, 'use 127.0.0.1, [::1] or localhost')
  if (tokenHeader !== undefined && !/^[A-Za-z0-9-]+$/.test(tokenHeader))
    throw wrong(resource, `${JSON.stringify(tokenHeader)} is not the name of a header`)
  if (user !== undefined && !/^[\x21-\x39\x3b-\x7e]+$/.test(user))
    throw wrong(resource, `${JSON.stringify(user)} is not the name of a user: one word of ASCII, without a colon`)
  if (ca?.includes('\n')) throw wrong(resource, 'the path of the CA must be one line')
  if (ca !== undefined) checkPath(resource, ca)
}

/** @throws DeclarationError */
export const checkRequest = (resource: string, { path }: HttpRequest): void => {
  if (!/^\/[\x21-\x7e]*$/.test(path) || path.includes('#'))
    throw wrong(resource, `${JSON.stringify(path)} is not a path of a URL`, 'encode its parts by encodeURIComponent')
}

/**
 * The redirections that give curl its whole configuration on stdin, to be read by `--config -`, and the body on
 * descriptor 3. A heredoc of dash is a pipe: no secret is written to a disk. The status follows in a line of its own.
 * Source: curl(1), "--config": quoted values know \\ and \"; a line of it is 100 KB at most
 */
export const curlConfig = (access: HttpAccess, request: HttpRequest, seconds: number): string => {
  const { method = 'GET', path, body } = request
  const options: readonly Option[] = [
    ['url', `${access.url}${path}`],
    ['request', method],
    ['data-binary', body === undefined ? undefined : '@/dev/fd/3'],
    ['header', body === undefined ? undefined : 'Content-Type: application/json'],
    // curl asks before it sends more than 1 MiB, and some servers do not answer that
    ['header', body === undefined ? undefined : 'Expect:'],
    ['max-time', String(seconds)],
    // bytes; an answer beyond it is none
    ['max-filesize', '4194304'],
  ]
  const lines = [...linesOf(options), ...accessLines(access)]
  const config = ['silent', 'show-error', 'globoff', 'write-out = "\\n%{http_code}"', ...lines].join('\n')
  // JSON is one line, and not this one; the line break after it means nothing in JSON
  const input = body === undefined ? '' : `${JSON.stringify(revealed(body))}\nCARAVAN_BODY\n`
  return `<<'CARAVAN_CURL' ${body === undefined ? '' : "3<<'CARAVAN_BODY'"}\n${config}\nCARAVAN_CURL\n${input}`
}

type Option = readonly [name: string, value: string | undefined]

const linesOf = (options: readonly Option[]): readonly string[] =>
  options.flatMap(([name, value]) => (value === undefined ? [] : [`${name} = ${quoted(value)}`]))

/** The lines of curl's configuration that say how an API is reached, and who asks. */
export const accessLines = (access: HttpAccess): readonly string[] =>
  linesOf([
    ['header', tokenLine(access)],
    ['cacert', access.ca],
    ['noproxy', '*'],
    ['connect-timeout', '3'],
  ])

const tokenLine = ({ token, tokenHeader, user }: HttpAccess): string | undefined => {
  if (token === undefined) return undefined
  const text = token.reveal()
  if (!/^[\x21-\x7e]+$/.test(text)) throw wrong(`secret ${token.name}`, 'a token is one word of ASCII')
  if (user !== undefined) return `Authorization: Basic ${Buffer.from(`${user}:${text}`).toString('base64')}`
  return tokenHeader === undefined ? `Authorization: Bearer ${text}` : `${tokenHeader}: ${text}`
}

const quoted = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`

/** A fragment that makes this request, and fails unless the answer is one of success. */
export const curlScript = (access: HttpAccess, request: HttpRequest, seconds: number): string => `
what=${quote(`${request.method ?? 'GET'} ${access.url}${request.path}`)} status=0 nl='
'
command -v curl >/dev/null || { echo 'curl is not installed on the host' >&2; exit 127; }
answer=$(timeout ${seconds + 5} curl -q --config - ${curlConfig(access, request, seconds)}) || status=$?
[ $status -eq 0 ] || { printf '%s failed (curl exit %s)\\n' "$what" $status >&2; exit 1; }
code=\${answer##*"$nl"}
case $code in
  2[0-9][0-9]) ;;
  *) printf '%s answered %s: %s\\n' "$what" "$code" "$(printf %s "\${answer%"$nl"*}" | tr -s '[:cntrl:]' ' ' | head -c 500)" >&2; exit 1 ;;
esac`
