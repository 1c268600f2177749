import { defineRole, http, isServer, onOne, ready, type Secrets } from '../../core/index.ts'
import { asManager, managerScript, OWN_NODE } from './api.ts'
import { nomadSecrets } from './secrets.ts'
import { NomadVars } from './vars.ts'

/**
 * The second half of the role nomad, for when the servers are a cluster: its access control, and nodes on which jobs
 * can run. The management token is made by us, so that nothing has to be brought home. Source: Nomad's "ACL" API.
 */
export default defineRole(
  'nomad',
  NomadVars,
  ({ host, secrets, vars }) => [
    ...(isServer(host) ? onOne(bootstrap(secrets), readers(secrets)) : []),
    ...(vars.client ? [nodeIsReady(secrets)] : []),
  ],
  { secrets: nomadSecrets },
)

// A token that Nomad does not know is refused with 403, before and after others bootstrapped it; only before it is the
// bootstrap taken.
const bootstrap = (secrets: Secrets) =>
  http('management token of nomad', {
    ...asManager(secrets),
    observe: '/v1/acl/token/self',
    want: { Type: 'management' },
    absent: [403, 404],
    apply: {
      method: 'POST',
      path: '/v1/acl/bootstrap',
      body: { BootstrapSecret: secrets.value('nomad-management-token') },
    },
  })

const RULES = `namespace "*" {
  policy = "read"
}
node {
  policy = "read"
}
agent {
  policy = "read"
}
operator {
  policy = "read"
}
`

/** A policy for the tokens of people who look, and change nothing. */
const readers = (secrets: Secrets) => {
  const policy = { Name: 'reader', Description: 'Reads everything, and changes nothing', Rules: RULES }
  return http('acl policy reader of nomad', {
    ...asManager(secrets),
    observe: '/v1/acl/policy/reader',
    want: policy,
    apply: { method: 'POST', path: '/v1/acl/policy/reader', body: policy },
  })
}

// It registers once there is a leader, which this play comes after.
const nodeIsReady = (secrets: Secrets) =>
  ready('nomad runs jobs here, by a healthy docker', {
    check: managerScript(
      'whether the node is ready',
      secrets,
      `${OWN_NODE}
is=$(status) driver=$(docker)
[ "$is $driver" = 'ready healthy' ] || { echo "the node is $is, and its docker driver $driver"; exit 1; }`,
    ),
    within: '120s',
    unit: 'nomad.service',
  })
