import { type Change, declare, type Resource, type ResourceType, type Unknown } from '../declare/resource.ts'
import { ProbeError } from '../errors.ts'
import { quote } from '../remote/shell.ts'
import { type HttpAccess, NO_CURL, noAnswer } from './shared/curl.ts'
import { EXPLAIN, nomadFunctions } from './shared/nomad.ts'
import { garbage } from './shared/observe.ts'

export type NomadDeploymentWant = Readonly<{
  access: HttpAccess
  /** The job that is deployed. */
  job: Resource
  tasks: readonly string[]
  /** Seconds. */
  within: number
  again: string
}>

/** `none`: there is no deployment of the job's latest version, or no such job. */
export type NomadDeploymentHave = Readonly<{ status: string; progress: string; events: string }>

/** Its `Status`. Source: nomad/structs/structs.go, DeploymentStatus… */
const UNDER_WAY = ['running', 'pending', 'initializing', 'blocked', 'unblocking', 'paused']

export const nomadDeploymentType: ResourceType<NomadDeploymentWant, NomadDeploymentHave> = {
  name: 'nomadDeployment',
  probe: (all) => `
command -v curl >/dev/null || { echo no curl; exit 0; }
encoded() { base64 -w 0; }
${all.map(({ want }) => `(${nomadFunctions(want.access)}${EXPLAIN}\n${LATEST}\n${look(want)}\n)`).join('\n')}`,
  parse: (output, all) => {
    const lines = output.split('\n').filter((line) => line !== '')
    if (lines.join() === 'no curl') return new Map(all.map(({ id }) => [id, NO_CURL]))
    if (lines.length !== all.length) garbage('nomadDeployment', `${lines.length} answers to ${all.length} questions`)
    return new Map(all.map(({ id }, index) => [id, haveOf(lines[index] ?? '')]))
  },
  diff: ({ job, within, again }, { status, progress, events }, view) => {
    // it is of the version that is about to be replaced
    if (view.changes(job)) return []
    if (status === 'failed')
      throw new ProbeError(`the deployment of ${job.id} failed: ${progress}`, {
        detail: events,
        hint: `mend the cause; the same job is not submitted again by itself: change it, or ${again}`,
      })
    return UNDER_WAY.includes(status) ? [settles(status, progress, within)] : []
  },
  apply: ({ want }) => waitFor(want),
  waits: true,
}

export const nomadDeployment = (want: NomadDeploymentWant): Resource<NomadDeploymentWant> =>
  declare(nomadDeploymentType, `${want.job.id} is deployed`, want)

const settles = (status: string, progress: string, within: number): Change => ({
  property: 'deployment',
  from: `${status}, ${progress}`,
  to: `successful, within ${within} s`,
})

// `version` and `spec` are equal when the latest deployment is one of the job as it is now.
const LATEST = `
latest() {
  version= spec= deployment= state= told=
  ask "/v1/job/$1"
  [ "$code" = 200 ] || return 0
  version=$(field JobModifyIndex)
  ask "/v1/job/$1/deployment"
  spec=$(field JobSpecModifyIndex) deployment=$(field ID) state=$(field Status) told=$(field StatusDescription)
  healthy=$(printf %s "$answer" | grep -oE '"HealthyAllocs":[0-9]+' | cut -d: -f2 | paste -sd + - | sed 's/^$/0/')
  total=$(printf %s "$answer" | grep -oE '"DesiredTotal":[0-9]+' | cut -d: -f2 | paste -sd + - | sed 's/^$/0/')
  progress="$((healthy)) of $((total)) healthy"
}`

const look = ({ job: { id }, tasks }: NomadDeploymentWant): string => `
latest ${quote(id)}
case $code in
  404) echo none; exit 0 ;;
  200) ;;
  *) printf 'unknown %s %s\\n' "$code" "$(said | encoded)"; exit 0 ;;
esac
if [ -z "$deployment" ] || [ "$spec" != "$version" ]; then echo none; exit 0; fi
if [ "$state" = failed ]; then
  description=$told
  events=$(explain "$deployment" ${quote(tasks.join(' '))} ${quote(id)}; printf '=reason%s' "$reason")
  printf 'failed %s %s\\n' "$(printf '%s%s' "$description" "\${events##*=reason}" | encoded)" "$(printf %s "\${events%=reason*}" | encoded)"
else
  printf '%s %s\\n' "\${state:-garbage}" "$(printf %s "$progress" | encoded)"
fi`

const haveOf = (line: string): NomadDeploymentHave | Unknown => {
  const [, code, said = ''] = /^unknown (\d{3}) ([A-Za-z0-9+/]*={0,2})$/.exec(line) ?? []
  if (code !== undefined) return noAnswer(Number(code), Buffer.from(said, 'base64').toString())
  const [, status = '', progress = '', events = ''] =
    /^([a-z]+)(?: ([A-Za-z0-9+/]*={0,2}))?(?: ([A-Za-z0-9+/]*={0,2}))?$/.exec(line) ?? garbage('nomadDeployment', line)
  if (status !== 'none' && ![...UNDER_WAY, 'successful', 'failed', 'cancelled'].includes(status))
    garbage('nomadDeployment', line)
  const text = (base64: string): string => Buffer.from(base64, 'base64').toString().trim()
  return { status, progress: text(progress), events: text(events) }
}

// Time is taken from /proc/uptime: setting the clock is no reason to give up. Nomad makes a deployment some moments
// after it took the job; where nothing has to be placed it makes none at all.
const waitFor = ({ job: { id }, access, tasks, within }: NomadDeploymentWant): string => `
${nomadFunctions(access)}${EXPLAIN}
${LATEST}
uptime() { read -r now _ </proc/uptime; now=\${now%.*}; }
give_up() {
  explain "$deployment" ${quote(tasks.join(' '))} ${quote(id)}
  printf '%s%s\\n' "$1" "$reason" >&2
  exit 1
}
uptime
end=$((now + ${within})) soon=$((now + 60)) progress= deployment=
[ $soon -le $end ] || soon=$end
while :; do
  latest ${quote(id)}
  uptime
  case $code in
    404) give_up ${quote(`the job ${id} is gone`)} ;;
    200)
      if [ -n "$deployment" ] && [ "$spec" = "$version" ]; then
        case $state in
          successful) exit 0 ;;
          failed | cancelled) give_up "the deployment of ${id} $state: $told" ;;
        esac
      elif [ $now -ge $soon ]; then
        ask ${quote(`/v1/job/${id}/evaluations`)}
        case $answer in
          *'"Status":"blocked"'* | *'"Status":"pending"'*) ;;
          *'"Status":"complete"'*) exit 0 ;;
        esac
      fi
      ;;
  esac
  [ $now -lt $end ] || give_up "${id} was not deployed within ${within} s (\${progress:-Nomad does not answer})"
  sleep "\${CARAVAN_PAUSE:-2}"
done`
