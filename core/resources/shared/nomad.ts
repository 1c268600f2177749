import type { Secret } from '../../secrets/secret.ts'
import { accessLines, checkAccess, type HttpAccess } from './curl.ts'
import { checkText, wrong } from './declared.ts'

/** How Nomad's API on a host is reached. */
export type NomadAccess = Readonly<{
  /** Scheme, host and port on the host's loopback. Default `https://127.0.0.1:4646`. */
  url?: string
  /** A file on the host with the CA that signed the API's certificate. */
  ca?: string
  /** A token that may read and submit the job. It never stands in an argument or the environment of a program. */
  token?: Secret
}>

/** @throws DeclarationError */
export const nomadAccess = (resource: string, { url = 'https://127.0.0.1:4646', ca, token }: NomadAccess) => {
  const access: HttpAccess = {
    url,
    tokenHeader: 'X-Nomad-Token',
    ...(ca === undefined ? {} : { ca }),
    ...(token === undefined ? {} : { token }),
  }
  checkAccess(resource, access)
  return access
}

/** The name of a job or task: it becomes a part of paths and of patterns. @throws DeclarationError */
export const checkNomadName = (resource: string, name: string): string => {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(checkText(resource, 'its name', name)))
    throw wrong(resource, `${JSON.stringify(name)} is no name of a job: letters, digits, - and _`)
  return name
}

// Source: curl(1), "--config"
const configOf = (access: HttpAccess, seconds: number): string =>
  [
    ...['silent', 'globoff', 'write-out = "\\n%{http_code}"', `max-time = ${seconds}`, 'max-filesize = 4194304'],
    ...accessLines(access),
  ].join('\n')

// curl asks before it sends more than 1 MiB, and some servers do not answer that
const BODY = 'data-binary = "@/dev/fd/3"\nheader = "Content-Type: application/json"\nheader = "Expect:"'

/**
 * Functions of `sh` for Nomad's API: `ask PATH` and `send PATH JSON` set `answer` and `code`, which is 000 where nothing
 * answered. `field NAME` prints the first text or number of that name in `answer`: Nomad's JSON has no white space.
 */
export const nomadFunctions = (access: HttpAccess, seconds = 10): string => `
nl='
'
split() { [ $status -eq 0 ] || answer="$nl"000; code=\${answer##*"$nl"} answer=\${answer%"$nl"*}; }
ask() {
  status=0
  answer=$(timeout ${seconds + 5} curl -q --config - -- "${access.url}$1" 2>/dev/null <<'CARAVAN_CURL'
${configOf(access, seconds)}
CARAVAN_CURL
  ) || status=$?
  split
}
send() {
  status=0
  answer=$(timeout ${seconds + 5} curl -q --config - -X POST -- "${access.url}$1" 2>/dev/null <<'CARAVAN_CURL' 3<<CARAVAN_BODY
${configOf(access, seconds)}
${BODY}
CARAVAN_CURL
$2
CARAVAN_BODY
  ) || status=$?
  split
}
field() { printf %s "$answer" | grep -oE "\\"$1\\":(\\"[^\\"]*\\"|[0-9]+)" | head -n 1 | cut -d: -f2- | tr -d '"'; }
said() { printf %s "$answer" | tr -s '[:cntrl:]' ' ' | head -c 500; }`

/**
 * A function of `sh`, `explain DEPLOYMENT TASKS JOB`, that prints why a job does not get on: for up to two of its allocations that are not
 * healthy the last events and the last lines of what their tasks print. It sets `reason`, which is that in short.
 * Source: https://developer.hashicorp.com/nomad/api-docs/deployments, /allocations and /client ("Stream Logs")
 */
export const EXPLAIN = `
texts() { printf %s "$1" | grep -oE '"DisplayMessage":"([^"\\\\]|\\\\.)*"' | cut -d: -f2- | sed 's/^"//; s/"$//; s/\\\\"/"/g; s/\\\\[nrt]/ /g' | cut -c 1-300; }
logs() {
  for stream in stderr stdout; do
    ask "/v1/client/fs/logs/$1?task=$2&type=$stream&plain=true&origin=end&offset=2000"
    [ "$code" = 200 ] || continue
    printf '%s\\n' "$answer" | grep . | tail -n 6 | cut -c 1-200 | sed "s/^/  $stream: /"
  done
}
explain() {
  reason= shown=0
  answer=
  [ -z "$1" ] || ask "/v1/deployment/allocations/$1"
  for id in $(printf %s "$answer" | grep -oE '"ID":"[0-9a-f-]{36}"' | cut -d '"' -f 4 | sort -u); do
    ask "/v1/allocation/$id"
    case $answer in *'"Healthy":true'*) continue ;; esac
    [ $shown -lt 2 ] || break
    shown=$((shown + 1)) whole=$answer node=$(field NodeName)
    name=$(printf %s "$answer" | grep -oE '"Name":"[^"]*\\[[0-9]+\\]"' | head -n 1 | cut -d '"' -f 4)
    printf '%s on %s (%s), allocation %s:\\n' "$name" "$node" "$(field ClientStatus)" "$(printf %s "$id" | cut -c 1-8)"
    texts "$whole" | tail -n 5 | sed 's/^/  event: /'
    worst=$(texts "$whole" | grep -iE 'fail|error|exit code' | tail -n 1)
    [ -z "$worst" ] || [ -n "$reason" ] || reason="; $name on $node: $worst"
    for task in $2; do logs "$id" "$task"; done
  done
  ask "/v1/job/$3/evaluations"
  case $answer in
    *'"Status":"blocked"'*)
      short=$(printf %s "$answer" | grep -oE '"(ConstraintFiltered|DimensionExhausted)":\\{[^}]*\\}' | sort -u | tr '\\n' ' ')
      reason="$reason; Nomad finds no node for it: $short"
      ;;
  esac
}`
