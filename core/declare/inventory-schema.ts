import { z } from 'zod'
import { fingerprintSchema, forEach, PRODUCTS, SETS, SIGNERS, versionSchema } from './products.ts'

const dnsLabel = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be a DNS label: lower case letters, digits and dashes, at most 63',
  )
const ipv4 = z.ipv4({ error: 'must be an IPv4 address such as 10.33.0.2' })
const roleVars = z.record(z.string(), z.record(z.string(), z.unknown()))
const hostNames = z.array(z.string())
// What cannot be written into an ssh configuration, in any of its versions.
const sshPath = z.string().regex(/^(?!.*\$\{)[^"\\\p{Cc}]+$/u, 'must be a path without ", \\ and ${')

export const hostSchema = z.strictObject({
  address: z
    .string()
    .regex(/^[A-Za-z0-9_:][A-Za-z0-9_.:%+-]*$/, 'must be an address, a DNS name or an alias of your ssh configuration')
    .meta({ description: 'What we connect to: an address, a DNS name, or an alias of ~/.ssh/config' }),
  privateIp: ipv4.meta({ description: 'The address in the private network; other hosts are configured with it' }),
  slot: z.int().min(0).optional().meta({ description: 'The place in a stateful job; given once, never renumbered' }),
  user: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$/, 'must be a user name')
    .optional()
    .meta({ description: 'The SSH user; sudo is used when it is not root. Default: what your ssh configuration says' }),
  port: z.int().min(1).max(65535).optional(),
  identityFile: sshPath
    .optional()
    .meta({ description: 'Path of the private key, relative to this file; ~/ is your home' }),
  hostKeys: z
    .array(
      z
        .string()
        .regex(/^[a-z][A-Za-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}$/, 'must be a public host key such as "ssh-ed25519 AAAA…"'),
    )
    .optional()
    .meta({ description: 'Public host keys that are accepted; no others are then' }),
  sudoPasswordFile: z
    .string()
    .regex(/^\P{Cc}+$/u, 'must be a path')
    .optional()
    .meta({
      description:
        'Path of a file (mode 0600) whose first line is the password of sudo, relative to this file; ~/ is your home',
    }),
  vars: roleVars.optional(),
})

const groupSchema = z.union([hostNames, z.strictObject({ hosts: hostNames, vars: roleVars.optional() })], {
  error: 'must be a list of host names, or { hosts, vars }',
})

export const clusterSchema = z.strictObject({
  name: dnsLabel.default('caravan'),
  datacenter: dnsLabel.default('dc1'),
  network: z.cidrv4({ error: 'must be an IPv4 network such as 10.33.0.0/16' }).default('10.33.0.0/16'),
  expose: z.enum(['private', 'management']).default('private').meta({
    description:
      'Where the pages and APIs listen: on loopback and the private network; or also publicly, for the management addresses that the firewall lets in',
  }),
  firewall: z
    .literal('external')
    .optional()
    .meta({ description: 'Says that a firewall outside of Caravan guards the public addresses' }),
})

export const versionsSchema = z.strictObject({
  set: z.enum(SETS).default('current').meta({ description: 'The set of versions.yaml that all else comes from' }),
  ...forEach(PRODUCTS, versionSchema.optional()),
})

export const downloadsSchema = z.strictObject({
  mirror: z
    .string()
    .regex(
      /^https?:\/\/[A-Za-z0-9._~:[\]-]+(\/[A-Za-z0-9._~/%-]*)?$/,
      'must be an http or https URL such as https://mirror.example.com/files, without password and query',
    )
    .optional()
    .meta({ description: 'Stands before every URL of a publisher: MIRROR/releases.hashicorp.com/nomad/…' }),
  by: z
    .enum(['host', 'controller'])
    .default('host')
    .meta({ description: 'Who downloads; the controller sends it to hosts that reach no network' }),
  keys: z
    .strictObject(forEach(SIGNERS, fingerprintSchema.optional()))
    .default({})
    .meta({ description: 'Fingerprints of keys that are trusted instead of those of versions.yaml' }),
})

export const inventorySchema = z.strictObject({
  cluster: clusterSchema.prefault({}),
  vars: roleVars.default({}).meta({ description: 'Settings of roles for all hosts: role, then variable' }),
  groups: z.record(dnsLabel, groupSchema).default({}),
  versions: versionsSchema.prefault({}),
  downloads: downloadsSchema.prefault({}),
  hosts: z.record(dnsLabel, hostSchema).refine((hosts) => Object.keys(hosts).length > 0, 'must name at least one host'),
})

/** `inventory.yaml` as it is written, with defaults filled in. */
export type InventoryFile = z.infer<typeof inventorySchema>
