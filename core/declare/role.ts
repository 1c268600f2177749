import type { z } from 'zod'
import type { HealthCheck, HealthInput } from './health.ts'
import type { Cluster, Host, HostWithFacts } from './host.ts'
import type { Pins, Releases, SecretKind, Secrets } from './means.ts'
import type { Resource } from './resource.ts'

/** What a role declares its resources from. */
export type RoleInput<Vars> = Readonly<{
  /** The host that the resources are for, with its facts. */
  host: HostWithFacts
  /** The whole inventory, whatever `--limit` says; without facts by type. */
  hosts: readonly Host[]
  cluster: Cluster
  /** Checked by the role's schema, with its defaults. */
  vars: Vars
  /** The cluster's secrets, of those that the role declared. */
  secrets: Secrets
  /** The releases of the products that the role declared. */
  releases: Releases
}>

/** What a host says of itself that is true only for this moment. */
export type Vitals = Readonly<{
  /** Seconds by which the host's clock is ahead of ours at least; negative: behind; 0 where the difference is too small to be sure. */
  skew: number
  /** Whether something keeps the clock right. */
  timeSynchronised: boolean
}>

/** Something that a role found on a host which no resource can mend. An error keeps the host out of the run. */
export type Finding = Readonly<{ level: 'error' | 'warning'; message: string; hint: string }>

/** What a host should have, as a function of the inventory and its facts. */
// biome-ignore lint/suspicious/noExplicitAny: a list of roles holds roles with different vars
export type Role<Vars = any> = Readonly<{
  name: string
  vars: z.ZodType<Vars>
  resources: (input: RoleInput<Vars>) => readonly Resource[]
  /** Looks at what cannot be declared, such as a clock that is wrong. */
  checks: (input: RoleInput<Vars> & Readonly<{ vitals: Vitals }>) => readonly Finding[]
  /** What `playbooks/status.mjs` asks its hosts. */
  health: (input: HealthInput<Vars>) => readonly HealthCheck[]
  /** The secrets that it uses, by name, such as `consul-gossip-key`. Roles that name the same one share it. */
  secrets: Readonly<Record<string, SecretKind>>
  /** The products that it installs, with the versions that it pins by its vars. */
  products: (vars: Vars) => Pins
}>

/** What a role may say of itself besides its resources. */
export type RoleOptions<Vars> = Partial<Pick<Role<Vars>, 'checks' | 'health' | 'secrets' | 'products'>>

/** Declares a role: its name, the schema of its vars (a strict object in which every key has a default), its resources. */
export const defineRole = <Schema extends z.ZodType>(
  name: string,
  vars: Schema,
  resources: (input: RoleInput<z.infer<Schema>>) => readonly Resource[],
  { checks = () => [], health = () => [], secrets = {}, products = () => ({}) }: RoleOptions<z.infer<Schema>> = {},
): Role<z.infer<Schema>> =>
  Object.freeze({ name, vars: vars as z.ZodType<z.infer<Schema>>, resources, checks, health, secrets, products })
