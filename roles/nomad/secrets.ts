import type { SecretKind } from '../../core/index.ts'

/** `consul-nomad-token` is the role consul's too, which makes it a token of Consul. */
export const nomadSecrets = {
  'nomad-gossip-key': 'key',
  'nomad-ca': 'ca',
  'nomad-management-token': 'uuid',
  'consul-nomad-token': 'uuid',
} as const satisfies Readonly<Record<string, SecretKind>>
