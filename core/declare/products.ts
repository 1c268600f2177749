import { z } from 'zod'
import { VERSION } from './version.ts'

/** What roles may install; `versions.yaml` says where each comes from. */
export const PRODUCTS = ['nomad', 'consul', 'cni-plugins', 'coredns', 'dataplaneapi'] as const
export type Product = (typeof PRODUCTS)[number]

/** The sets of versions of `versions.yaml`. */
export const SETS = ['current', 'seed'] as const

/** Who signs products. */
export const SIGNERS = ['hashicorp'] as const

export const versionSchema = z
  .string({ error: 'must be a version such as 1.10.5, with three numbers' })
  .regex(VERSION, 'must be a version such as 1.10.5, with three numbers')

export const fingerprintSchema = z
  .string()
  .regex(
    /^\s*([0-9A-Fa-f]\s*){40}(([0-9A-Fa-f]\s*){24})?$/,
    'must be the fingerprint of an OpenPGP key: 40 hexadecimal digits; a short key id can be forged',
  )

/** The same schema for each of these names. */
export const forEach = <Name extends string, Schema extends z.ZodType>(names: readonly Name[], schema: Schema) =>
  Object.fromEntries(names.map((name) => [name, schema])) as Record<Name, Schema>
