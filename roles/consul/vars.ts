import { type Cluster, type SecretKind, z } from '../../core/index.ts'

export const ConsulVars = z.strictObject({
  from: z
    .enum(['release', 'apt'])
    .default('release')
    .meta({ description: 'The release of `versions`, or the package of the publisher, held' }),
  version: z
    .string()
    .regex(/^\d+\.\d+\.\d+$/, 'must be a version such as 1.16.6')
    .optional()
    .meta({ description: 'Default: what `versions` says; needed for `from: apt`' }),
  aptKey: z.string().optional().meta({
    description: 'For `from: apt`: a file with the key of the repository; its fingerprint is checked',
  }),
  raftMultiplier: z
    .int()
    .min(1)
    .max(10)
    .default(1)
    .meta({ description: 'How patient servers are with each other; 5 for machines that are slow or busy' }),
  settings: z
    .record(z.string(), z.unknown())
    .default({})
    .meta({ description: 'Further keys of the agent’s configuration; they win over ours' }),
})
export type ConsulVars = z.infer<typeof ConsulVars>

/** Names are shared with other roles, such as Nomad's. */
export const consulSecrets = {
  'consul-gossip-key': 'key',
  'consul-ca': 'ca',
  'consul-management-token': 'uuid',
  'consul-agent-token': 'uuid',
  'consul-dns-token': 'uuid',
  'consul-nomad-token': 'uuid',
} as const satisfies Record<string, SecretKind>

/**
 * Where an agent listens with TLS. For management pages it is the port that people know, on the public address too;
 * the loopback keeps that port without TLS.
 */
export const httpsPort = ({ expose }: Cluster): number => (expose === 'management' ? 8500 : 8501)
