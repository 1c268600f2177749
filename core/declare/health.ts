import type { Secret } from '../secrets/secret.ts'
import type { Cluster, Host } from './host.ts'
import type { Secrets } from './means.ts'

/** One question that a host is asked about how it does. It changes nothing there. */
export type HealthCheck = Readonly<{
  /** Such as `has a leader`. */
  name: string
  /** For `sh`, as root; what it prints is the answer, up to 4 KiB. A secret one is never shown, but for its name. */
  ask: string | Secret
  /** Seconds that it has. Default 10. */
  within?: number
  /** What a good answer is, for people: `the address of a server`. */
  expect: string
  /** `answer` is without white space at its ends; `status` is the exit status of `ask`. */
  judge: (answer: string, status: number) => boolean
  /** The answers of all hosts must be one and the same. Default false. */
  same?: boolean
  /** Takes long, or starts something: only with `--deep`. Default false. */
  deep?: boolean
}>

/** What a role's checks are made from. */
export type HealthInput<Vars> = Readonly<{
  host: Host
  hosts: readonly Host[]
  cluster: Cluster
  vars: Vars
  /** Of those that the role declared. */
  secrets: Secrets
}>
