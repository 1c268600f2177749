import os from 'node:os'
import { controllerHost, type Facts } from '../declare/host.ts'
import { type ApiAccess, describe, identityOf, type Resource } from '../declare/resource.ts'
import { asCaravanError, DeclarationError, ProbeError } from '../errors.ts'
import type { Progress, Work } from './apply.ts'
import type { Haves } from './probe.ts'

/** A `fetch` that counts its requests. */
export type CountingFetch = Readonly<{ fetch: typeof globalThis.fetch; requests: () => number }>

export const countingFetch = (): CountingFetch => {
  let requests = 0
  const fetch: typeof globalThis.fetch = (...args) => {
    requests++
    return globalThis.fetch(...args)
  }
  return { fetch, requests: () => requests }
}

/** What roles may know of this computer. */
export const controllerFacts = (): Facts =>
  Object.freeze({
    arch: { x64: 'amd64', arm64: 'arm64' }[os.arch() as 'x64'] ?? os.arch(),
    os: { id: os.platform(), version: os.release(), codename: '-' },
    kernel: os.release(),
    systemd: 0,
    cpus: os.availableParallelism(),
    memory: Math.floor(os.totalmem() / 1024 / 1024),
    cgroup: 2,
    resolved: false,
    privateInterface: undefined,
    privateMtu: undefined,
    publicInterface: undefined,
  })

/** Observes what is behind APIs, all types at once. @throws ProbeError; DeclarationError for a resource without an API. */
export const probeApis = async (resources: readonly Resource[], { fetch }: CountingFetch): Promise<Haves> => {
  const batches = [...Map.groupBy(resources, ({ type }) => type)]
  const found = await Promise.all(
    batches.map(async ([type, batch]) => {
      const observed = await apiOf(batch[0] as Resource).observe(batch, fetch)
      return batch.map((resource): [string, unknown] => {
        if (!observed.has(resource.id)) throw new ProbeError(`the API said nothing about ${type.name} ${resource.id}`)
        return [identityOf(resource), observed.get(resource.id)]
      })
    }),
  )
  return new Map(found.flat())
}

/** Changes what is behind APIs, one after the other; stops at the first that fails. */
export const applyApis = async (
  works: readonly Work[],
  { fetch }: CountingFetch,
  progress: Progress,
): Promise<void> => {
  for (const work of works) {
    const { resource, have, changes, role } = work
    const began = Date.now()
    const seconds = () => (Date.now() - began) / 1000
    progress(work, 'begin', 0)
    try {
      await apiOf(resource).change({ id: resource.id, want: resource.want, have, changes }, fetch)
      progress(work, 'done', seconds())
    } catch (error) {
      progress(work, 'failed', seconds())
      throw asCaravanError(error).with({ role, resource: describe(resource), at: resource.at })
    }
  }
}

// biome-ignore lint/suspicious/noExplicitAny: of any type
const apiOf = ({ type, id, at }: Resource): ApiAccess<any, any> => {
  if (type.api !== undefined) return type.api
  throw new DeclarationError(`${type.name} is a thing on a host: it cannot be declared for ${controllerHost.name}`, {
    resource: `${type.name} ${id}`,
    at,
  })
}
