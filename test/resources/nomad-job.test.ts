import test, { type ExecutionContext } from 'ava'
import type { Resource } from '../../core/declare/resource.ts'
import { ProbeError } from '../../core/errors.ts'
import { nomadDeploymentType } from '../../core/resources/nomad-deployment.ts'
import { type NomadJobOptions, nomadJob, nomadJobType } from '../../core/resources/nomad-job.ts'
import { NO_CURL, noAnswer } from '../../core/resources/shared/curl.ts'
import { jobChanges } from '../../core/resources/shared/nomad-diff.ts'
import { Secret } from '../../core/secrets/secret.ts'
import { applyOnce, differences, law, lawOfUnknown, observe, unobserved } from './law.ts'
import { type FakeNomad, fakeNomad } from './nomad-server.ts'
import { fragment } from './sh.ts'
import { diffTable, garbageTable, show, wrongTable } from './tables.ts'

const options: NomadJobOptions = {
  url: 'http://127.0.0.1:4646',
  hcl: 'job',
  tasks: ['t'],
  within: '60s',
  again: 'raise toy.attempt',
}
const pair = (more: Partial<NomadJobOptions> = {}) =>
  nomadJob('toy', { ...options, ...more }) as readonly [Resource, Resource]
const env = { CARAVAN_PAUSE: '0' }
const worldOf = ({ jobs }: FakeNomad) => ({ options: { env }, snapshot: async () => [JSON.stringify([...jobs])] })

diffTable(nomadJobType, [
  ['equal', pair()[0].want, { kind: 'planned', changes: [], index: 7 }, []],
  [
    'differs',
    pair()[0].want,
    { kind: 'planned', changes: [{ property: 'g.Count', from: '2', to: '3' }], index: 7 },
    ['g.Count: 2 → 3'],
  ],
])
diffTable(nomadDeploymentType, [
  ['no deployment', pair()[1].want, { status: 'none', progress: '', events: '' }, []],
  ['successful', pair()[1].want, { status: 'successful', progress: '3 of 3 healthy', events: '' }, []],
  ['cancelled', pair()[1].want, { status: 'cancelled', progress: '0 of 3 healthy', events: '' }, []],
  [
    'running',
    pair()[1].want,
    { status: 'running', progress: '1 of 3 healthy', events: '' },
    ['deployment: running, 1 of 3 healthy → successful, within 60 s'],
  ],
])

test("Nomad's diff, field by field", (t) => {
  const field = (Type: string, Name: string, Old: string, New: string) => ({ Type, Name, Old, New })
  const diff = {
    Type: 'Edited',
    Fields: [field('Edited', 'Priority', '50', '60'), field('None', 'Region', 'global', 'global')],
    Objects: [{ Type: 'Added', Name: 'Constraint', Fields: [field('Added', 'Operand', '', '=')] }],
    TaskGroups: [
      {
        Type: 'Edited',
        Name: 'crate',
        Fields: null,
        Objects: [{ Type: 'Edited', Name: 'Update', Fields: [field('Edited', 'MaxParallel', '1', '2')] }],
        Tasks: [
          { Type: 'Edited', Name: 'crate', Fields: [field('Edited', 'Env[CRATE_HEAP_SIZE]', '1g', '2g')] },
          { Type: 'None', Name: 'other' },
        ],
      },
      { Type: 'None', Name: 'same', Fields: [field('Edited', 'x', 'never', 'shown')] },
    ],
  }
  t.deepEqual(jobChanges(diff).map(show), [
    'Priority: 50 → 60',
    'Constraint.Operand: (none) → =',
    'crate.Update.MaxParallel: 1 → 2',
    'crate.crate.Env[CRATE_HEAP_SIZE]: 1g → 2g',
  ])
  t.deepEqual(jobChanges({ Type: 'Edited' }).map(show), ['job: differs → as declared'])
})

const declared =
  (changes: Partial<NomadJobOptions>, name = 'toy') =>
  () =>
    nomadJob(name, { ...options, ...changes })
wrongTable([
  ...['', 'a b', "it's", '$(id)', 'a\nb', '../x', '-x'].map(
    (name) => [declared({}, name), /no name of a job/] as const,
  ),
  [declared({ tasks: ['a.*'] }), /no name of a job/],
  [declared({ hcl: 'a\0' }), /NUL/],
  [declared({ hcl: Secret.of('x', 'y') as never }), /holds a secret/],
  [declared({ url: 'https://10.33.0.2:4646' }), /not the loopback/],
  [declared({ within: '20m' as '1s' }), /number of seconds/],
])

garbageTable('nomadJob', (output) => nomadJobType.parse(output, [pair()[0]]), [
  '',
  'x',
  'plan 200',
  'plan 200 !',
  'other 200 ',
  'plan 200 e30=\nplan 200 e30=\n',
])

test('garbage about a deployment', (t) => {
  for (const output of ['', 'odd', 'running !', 'none\nnone\n'])
    t.throws(() => nomadDeploymentType.parse(output, [pair()[1]]), {
      instanceOf: ProbeError,
      message: /^the probe of nomadDeployment was not understood/,
    })
})

test('law: submitted, changed and kept; hostile text arrives as it is', async (t) => {
  const nomad = await fakeNomad(t)
  for (const [index, hcl] of [
    'job',
    `it's "$(touch pwned)" \`x\` \${NOMAD_ALLOC_INDEX} \\ $job\nCARAVAN_BODY\nCARAVAN_CURL\n`,
  ].entries()) {
    const [job] = pair({ url: nomad.url, hcl })
    const changes = (await law(t, worldOf(nomad), job)).map(show)
    t.is(changes[0], index === 0 ? 'job: absent → submitted' : `g.Raw: job → ${hcl}`)
    t.is(nomad.jobs.get('toy')?.raw, hcl)
  }
  await lawOfUnknown(t, worldOf(nomad), pair({ url: nomad.url, hcl: 'unknown' })[0])
})

test('the token is shown', async (t) => {
  const token = Secret.of('token', 'a-b-c')
  const nomad = await fakeNomad(t, { token: 'a-b-c' })
  await law(t, worldOf(nomad), pair({ url: nomad.url, token })[0])
  t.deepEqual(await observe([pair({ url: nomad.url })[0]]), [noAnswer(403, 'Permission denied')])
  t.deepEqual(await observe([pair({ url: nomad.url })[1]]), [noAnswer(403, 'Permission denied')])
})

test('what does not answer is unknown; what Nomad refuses is an error of the plan', async (t) => {
  t.deepEqual(await observe([pair({ url: 'http://127.0.0.1:1' })[0]]), [noAnswer(0, '')])
  t.deepEqual(await observe([pair({ url: 'http://127.0.0.1:1' })[1]]), [noAnswer(0, '')])
  t.deepEqual(await observe([pair()[0]], { env: { PATH: '/nonexistent' } }), [NO_CURL])
  t.deepEqual(await observe([pair({ url: (await fakeNomad(t, { leaderless: true })).url })[0]]), [
    noAnswer(500, 'No cluster leader'),
  ])
  const { url } = await fakeNomad(t)
  const refused = (hcl: string) => t.throwsAsync(differences(pair({ url, hcl })[0]), { instanceOf: ProbeError })
  t.is((await refused('nonsense')).message, 'Nomad refuses the job: input.hcl:1,1: no such block')
  t.regex(
    (await refused('invalid')).message,
    /^Nomad refuses the job: 1 error occurred:\n\t\* Task group g validation failed$/,
  )
})

test('what cannot be placed is not submitted', async (t) => {
  const nomad = await fakeNomad(t)
  const ran = await applyOnce(pair({ url: nomad.url, hcl: 'huge' })[0], { env })
  t.is(ran.code, 1)
  t.is(
    ran.stderr,
    'Nomad could not place all of it, so it was not submitted (mend the nodes that are out, or ask for less): "DimensionExhausted":{"memory":1} \n',
  )
  t.is(nomad.jobs.size, 0)
})

test('what somebody else changed since the plan is not overwritten', async (t) => {
  const nomad = await fakeNomad(t)
  nomad.change('toy', 'old')
  const [job] = pair({ url: nomad.url })
  const [have] = await observe([job])
  nomad.change('toy', 'of somebody else')
  const text = await job.type.apply({ id: job.id, want: job.want, have, changes: [], upload: async () => '' })
  const { code, stderr } = await fragment(text, { env })
  t.deepEqual(
    [code, stderr],
    [1, 'somebody else changed the job since the plan was made, so it was not submitted: run again\n'],
  )
  t.is(nomad.jobs.get('toy')?.raw, 'of somebody else')
})

const wait = async (t: ExecutionContext, hcl: string, within: `${number}s` = '60s') => {
  const nomad = await fakeNomad(t)
  if (hcl !== '') nomad.change('toy', hcl)
  const [job, deployment] = pair({ url: nomad.url, hcl, within })
  const text = await unobserved(deployment)
  return { ...(await fragment(text, { env })), nomad, job, deployment }
}

test('a deployment is waited for', async (t) => {
  t.is((await wait(t, 'job')).code, 0)
  const slow = await wait(t, 'hangs', '1s')
  t.is(slow.code, 1)
  t.regex(slow.stderr, /^toy was not deployed within 1 s \(1 of 3 healthy\); toy.g\[1\] on node-2: Failed to pull/)
  t.is((await wait(t, '', '1s')).stderr, 'the job toy is gone\n')
})

test('a job of which Nomad deploys nothing is right, unless nothing could be placed', async (t) => {
  t.is((await wait(t, 'undeployed', '1s')).code, 0)
  t.is((await wait(t, 'older', '1s')).code, 0)
  const blocked = await wait(t, 'undeployed, blocked', '1s')
  t.is(blocked.code, 1)
  t.is(
    blocked.stderr,
    'toy was not deployed within 1 s (0 of 0 healthy); Nomad finds no node for it: "ConstraintFiltered":{"missing compatible host volumes":2} \n',
  )
})

test('a deployment that fails tells of events and output; the same job is not submitted again', async (t) => {
  const { code, stdout, stderr, nomad, job, deployment } = await wait(t, 'fails')
  const reason =
    'the deployment of toy failed: Failed due to progress deadline; toy.g[1] on node-2: Failed to pull "x": not \\\\ found at all'
  const events = [
    'toy.g[1] on node-2 (pending), allocation bbbbbbbb:',
    '  event: Task received by client',
    '  event: Failed to pull "x": not \\\\ found at all',
    '  stderr: one',
    '  stderr: two \u001b[2J',
  ]
  t.deepEqual([code, stderr, stdout.trimEnd().split('\n')], [1, `${reason}\n`, events])
  nomad.asked.length = 0
  t.deepEqual(await differences(job), [])
  const error = await t.throwsAsync<ProbeError>(differences(deployment), { instanceOf: ProbeError })
  t.is(error?.message, reason)
  t.deepEqual(error?.details.detail?.split('\n'), events)
  t.regex(error?.details.hint ?? '', /the same job is not submitted again by itself: change it, or raise toy.attempt$/)
  t.false(nomad.asked.some((line) => line === 'POST /v1/jobs'))
  // a job that is about to change is another one
  const [have] = await observe([deployment])
  t.deepEqual(deployment.type.diff(deployment.want, have, { changes: () => true }), [])
})
