import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'

type Job = { raw: string; index: number }

/** A server that answers as Nomad 1.6 does to what is asked about one job. What the job says decides what becomes of it. */
export type FakeNomad = Readonly<{
  url: string
  jobs: Map<string, Job>
  /** Method and path of all that was asked. */
  asked: string[]
  /** Somebody changes the job. */
  change: (id: string, raw: string) => void
}>

const DEPLOYMENT = '11111111-1111-1111-1111-111111111111'
const ALLOCATIONS = ['aaaaaaaa-0000-0000-0000-000000000000', 'bbbbbbbb-0000-0000-0000-000000000000']

const statusOf = (raw: string): string =>
  raw.includes('fails') ? 'failed' : raw.includes('hangs') ? 'running' : 'successful'

export const fakeNomad = async (
  t: ExecutionContext,
  { token, leaderless = false }: { token?: string; leaderless?: boolean } = {},
): Promise<FakeNomad> => {
  const jobs = new Map<string, Job>()
  const asked: string[] = []
  let index = 10
  const change = (id: string, raw: string) => void jobs.set(id, { raw, index: ++index })
  const answer = (method: string, path: string, body: string): readonly [number, unknown] => {
    const [, id = '', rest = ''] = /^\/v1\/job\/([^/?]+)(\/[a-z]+)?$/.exec(path) ?? []
    const job = jobs.get(id)
    if (path === '/v1/jobs/parse') {
      const { JobHCL } = JSON.parse(body)
      return JobHCL.includes('nonsense')
        ? [400, 'input.hcl:1,1: no such block']
        : [200, { ID: 'toy', Raw: JobHCL, Status: '' }]
    }
    if (rest === '/plan') {
      const { Job } = JSON.parse(body)
      if (leaderless) return [500, 'No cluster leader']
      if (Job.Raw.includes('invalid')) return [500, '1 error occurred:\n\t* Task group g validation failed']
      const fields = [
        { Type: 'None', Name: 'Same', Old: 'a', New: 'a' },
        { Type: 'Edited', Name: 'Raw', Old: job?.raw, New: Job.Raw },
      ]
      const Diff =
        job === undefined
          ? { Type: 'Added', ID: id }
          : job.raw === Job.Raw
            ? { Type: 'None', ID: id, Fields: fields.slice(0, 1) }
            : { Type: 'Edited', ID: id, TaskGroups: [{ Type: 'Edited', Name: 'g', Fields: fields }] }
      const FailedTGAllocs = Job.Raw.includes('huge') ? { g: { DimensionExhausted: { memory: 1 } } } : null
      return [200, { Diff, FailedTGAllocs, JobModifyIndex: job?.index ?? 0, CreatedEvals: [{ Type: 'service' }] }]
    }
    if (path === '/v1/jobs') {
      const { Job, EnforceIndex, JobModifyIndex } = JSON.parse(body)
      const now = jobs.get(Job.ID)
      if (EnforceIndex && JobModifyIndex !== (now?.index ?? 0))
        return [500, 'Enforcing job modify index 0: job exists with conflicting job modify index: 11']
      if (now?.raw !== Job.Raw) change(Job.ID, Job.Raw)
      return [200, { JobModifyIndex: jobs.get(Job.ID)?.index }]
    }
    if (id !== '' && job === undefined) return [404, 'job not found']
    if (job !== undefined && rest === '') return [200, { ID: id, JobModifyIndex: job.index }]
    if (job !== undefined && rest === '/evaluations')
      return [
        200,
        [
          {
            ID: 'x',
            Status: job.raw.includes('blocked') ? 'blocked' : 'complete',
            ConstraintFiltered: { 'missing compatible host volumes': 2 },
          },
        ],
      ]
    if (job !== undefined && rest === '/deployment') {
      if (job.raw.includes('undeployed')) return [200, null]
      const spec = job.raw.includes('older') ? 1 : job.index
      return [
        200,
        {
          ID: DEPLOYMENT,
          JobID: id,
          JobSpecModifyIndex: spec,
          Status: statusOf(job.raw),
          StatusDescription: 'Failed due to progress deadline',
          TaskGroups: { g: { HealthyAllocs: 1, DesiredTotal: 3 } },
        },
      ]
    }
    if (path === `/v1/deployment/${DEPLOYMENT}`)
      return [200, { ID: DEPLOYMENT, StatusDescription: 'Failed due to progress deadline' }]
    if (path === `/v1/deployment/allocations/${DEPLOYMENT}`)
      return [200, ALLOCATIONS.map((ID) => ({ ID, EvalID: '99999999-0000-0000-0000-000000000000', JobID: 'toy' }))]
    const allocation = ALLOCATIONS.findIndex((one) => path === `/v1/allocation/${one}`)
    if (allocation >= 0)
      return [
        200,
        {
          ID: ALLOCATIONS[allocation],
          Name: `toy.g[${allocation}]`,
          NodeName: `node-${allocation + 1}`,
          ClientStatus: 'pending',
          DeploymentStatus: allocation === 0 ? { Healthy: true } : null,
          TaskStates: {
            t: {
              Events: [
                { DisplayMessage: 'Task received by client' },
                { DisplayMessage: 'Failed to pull "x": not \\ found\nat all' },
              ],
            },
          },
        },
      ]
    if (path.startsWith(`/v1/client/fs/logs/${ALLOCATIONS[1]}?task=t&type=stderr`))
      return [200, 'one\n\ntwo \u001b[2J\n']
    return [404, `nothing at ${method} ${path}`]
  }
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece) => pieces.push(piece))
    request.on('end', () => {
      const path = request.url ?? ''
      asked.push(`${request.method} ${path}`)
      if (token !== undefined && request.headers['x-nomad-token'] !== token)
        return response.writeHead(403).end('Permission denied')
      const [status, body] = answer(request.method ?? '', path, Buffer.concat(pieces).toString())
      return response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, jobs, asked, change }
}
