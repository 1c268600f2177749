import { type Change, declare, type Resource, type ResourceType, Unknown } from '../declare/resource.ts'
import { ProbeError } from '../errors.ts'
import { quote } from '../remote/shell.ts'
import { isSecret } from '../secrets/secret.ts'
import { nomadDeployment } from './nomad-deployment.ts'
import { type HttpAccess, NO_CURL, noAnswer } from './shared/curl.ts'
import { checkText, wrong } from './shared/declared.ts'
import { checkNomadName, type NomadAccess, nomadAccess, nomadFunctions } from './shared/nomad.ts'
import { type JobDiff, jobChanges } from './shared/nomad-diff.ts'
import { garbage } from './shared/observe.ts'
import { checkSeconds } from './shared/seconds.ts'

/** A service job of Nomad. */
export type NomadJobOptions = NomadAccess &
  Readonly<{
    /** The job as Nomad's HCL, as `nomad job run` takes it. Nothing secret. */
    hcl: string
    /** Its tasks whose output is shown when a deployment fails. */
    tasks: readonly string[]
    /** How long a deployment may take in all. */
    within: `${number}s`
    /** How a person makes Nomad try once more after a deployment failed, such as `raise crate.attempt`. */
    again: string
  }>

export type NomadJobWant = Readonly<{ access: HttpAccess; hcl: string }>

export type NomadJobHave =
  | Readonly<{ kind: 'unfit'; problem: string }>
  | Readonly<{
      kind: 'planned'
      changes: readonly Change[]
      /** The version that the plan was made against; 0: there is no such job. */
      index: number
    }>

export const nomadJobType: ResourceType<NomadJobWant, NomadJobHave> = {
  name: 'nomadJob',
  // each in a subshell of its own, since each may have another token
  probe: (all) => `
command -v curl >/dev/null || { echo none; exit 0; }
${all.map(({ id, want }) => `(${nomadFunctions(want.access)}\n${plan(id, want)}\nprintf '%s %s %s\\n' "$step" "$code" "$(printf %s "$answer" | base64 -w 0)"\n)`).join('\n')}`,
  parse: (output, all) => {
    if (output.trim() === 'none') return new Map(all.map(({ id }) => [id, NO_CURL]))
    const lines = output.split('\n').filter((line) => line !== '')
    if (lines.length !== all.length) garbage('nomadJob', `${lines.length} answers to ${all.length} questions`)
    return new Map(all.map(({ id }, index) => [id, haveOf(lines[index] ?? '')]))
  },
  diff: (_, have) => {
    if (have.kind === 'unfit') throw new ProbeError(have.problem, { hint: 'change the job' })
    return have.changes
  },
  apply: ({ id, want, have }) => register(id, want, Unknown.is(have) || have.kind === 'unfit' ? undefined : have.index),
}

/**
 * A service job of Nomad, and that its latest deployment succeeds: two resources, for `onOne`. What differs is what
 * Nomad's own plan says differs, also in what is changed in place. It is submitted only as long as nobody else has
 * changed it since. A deployment that runs is waited for; one that failed is an error, and its job is not submitted again
 * until it is changed.
 * @throws DeclarationError
 */
export const nomadJob = (name: string, options: NomadJobOptions): readonly Resource[] => {
  const resource = `nomadJob ${name}`
  checkNomadName(resource, name)
  if (isSecret(options.hcl)) throw wrong(resource, 'the job holds a secret, and Nomad would show it to many')
  checkText(resource, 'the job', options.hcl)
  const access = nomadAccess(resource, options)
  for (const task of options.tasks) checkNomadName(resource, task)
  const within = checkSeconds(resource, 'within', options.within)
  const job = declare(nomadJobType, name, { access, hcl: options.hcl })
  return [job, nomadDeployment({ access, job, tasks: options.tasks, within, again: options.again })]
}

// Source: https://developer.hashicorp.com/nomad/api-docs/jobs, "Parse Job" and "Create Job Plan": neither changes a thing.
const plan = (id: string, { hcl }: NomadJobWant): string => `
step=parse
send /v1/jobs/parse ${quote(JSON.stringify({ JobHCL: hcl, Canonicalize: true }))}
if [ "$code" = 200 ]; then
  step=plan job=$answer
  send ${quote(`/v1/job/${id}/plan`)} "{\\"Job\\":$job,\\"Diff\\":true}"
fi`

// Of the answers to a plan 500 means both: an error in the job, and a cluster that is not there.
const AWAY = /no cluster leader|no path to region|rpc error|connection|timeout|eof\b/i

const haveOf = (line: string): NomadJobHave | Unknown => {
  const [, step, code, base64 = ''] =
    /^(parse|plan) (\d{3}) ([A-Za-z0-9+/]*={0,2})$/.exec(line) ?? garbage('nomadJob', line)
  const text = Buffer.from(base64, 'base64').toString()
  const status = Number(code)
  if (status === 0 || status === 401 || status === 403 || status === 429) return noAnswer(status, text)
  if (status >= 500 && (step === 'parse' || AWAY.test(text))) return noAnswer(status, text)
  if (status !== 200) return { kind: 'unfit', problem: `Nomad refuses the job: ${text.trim().slice(0, 1000)}` }
  try {
    const { Diff, JobModifyIndex } = JSON.parse(text) as { Diff: JobDiff; JobModifyIndex: number }
    return { kind: 'planned', changes: jobChanges(Diff), index: JobModifyIndex }
  } catch {
    return { kind: 'unfit', problem: `what Nomad answers is no plan: ${text.slice(0, 300)}` }
  }
}

// Nodes may be getting ready only now, so Nomad is asked for a while whether it could place everything.
// CARAVAN_PAUSE is for tests that cannot wait.
const register = (id: string, want: NomadJobWant, index: number | undefined): string => `${nomadFunctions(want.access)}
tries=30
while :; do
${plan(id, want)}
  [ "$code" = 200 ] || { printf 'Nomad refuses the job (%s %s): %s\\n' "$step" "$code" "$(said)" >&2; exit 1; }
  printf %s "$answer" | grep -qE '"Type":"(Added|Edited|Deleted)"' || exit 0
  ! printf %s "$answer" | grep -qE '"FailedTGAllocs":\\{' || {
    [ $tries -gt 0 ] || {
      why=$(printf %s "$answer" | grep -oE '"(ConstraintFiltered|DimensionExhausted|NodesAvailable)":\\{[^}]*\\}' | sort -u | tr '\\n' ' ')
      printf 'Nomad could not place all of it, so it was not submitted (mend the nodes that are out, or ask for less): %s\\n' "\${why:-$(said)}" >&2
      exit 1
    }
    tries=$((tries - 1))
    sleep "\${CARAVAN_PAUSE:-2}"
    continue
  }
  break
done
send /v1/jobs "{\\"Job\\":$job${index === undefined ? '' : `,\\"EnforceIndex\\":true,\\"JobModifyIndex\\":${index}`}}"
case $code:$answer in
  200:*) ;;
  *'modify index'*) printf 'somebody else changed the job since the plan was made, so it was not submitted: run again\\n' >&2; exit 1 ;;
  *) printf 'Nomad did not take the job (%s): %s\\n' "$code" "$(said)" >&2; exit 1 ;;
esac`
