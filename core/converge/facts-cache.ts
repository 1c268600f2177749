import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Facts, Host } from '../declare/host.ts'

const factsSchema = z.strictObject({
  arch: z.string(),
  os: z.strictObject({ id: z.string(), version: z.string(), codename: z.string() }),
  kernel: z.string(),
  systemd: z.number(),
  cpus: z.number(),
  memory: z.number(),
  cgroup: z.union([z.literal(1), z.literal(2)]),
  resolved: z.boolean(),
  privateInterface: z.string().optional(),
  privateMtu: z.number().optional(),
  publicInterface: z.string().optional(),
})

/** The facts of the last run. They only save a round trip: each probe reads them anew and a difference discards it. */
export type FactsCache = Readonly<{
  get: (host: Host) => Facts | undefined
  put: (host: Host, facts: Facts) => void
}>

/** Keeps the facts of each host in a file of its own. What cannot be read or written is as if it were not there. */
export const factsCache = (directory: string): FactsCache => {
  const get = (host: Host): Facts | undefined => {
    try {
      const read = factsSchema.parse(JSON.parse(readFileSync(join(directory, `${host.name}.json`), 'utf8')))
      return {
        ...read,
        privateInterface: read.privateInterface,
        privateMtu: read.privateMtu,
        publicInterface: read.publicInterface,
      }
    } catch {
      return undefined
    }
  }
  const put = (host: Host, facts: Facts): void => {
    const known = get(host)
    if (known !== undefined && sameFacts(known, facts)) return
    const file = join(directory, `${host.name}.json`)
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      writeFileSync(`${file}.new`, `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 })
      renameSync(`${file}.new`, file)
    } catch {
      // the next run asks the host once more
    }
  }
  return { get, put }
}

export const sameFacts = (one: Facts, other: Facts): boolean => isDeepStrictEqual(one, other)
