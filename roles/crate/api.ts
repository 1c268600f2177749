import type { Secrets } from '../../core/index.ts'

/** Nomad's API on a host, as whoever may submit jobs. The role nomad puts the CA there. */
export const apiOf = (secrets: Secrets) => ({
  url: 'https://127.0.0.1:4646',
  ca: '/etc/nomad.d/tls/ca.pem',
  tokenHeader: 'X-Nomad-Token',
  token: secrets.value('nomad-management-token'),
})
