import type { ClusterRole, Host, Standing } from '../../core/index.ts'
import { managerScript } from './api.ts'

// Nomad's port between servers
const addressOf = ({ privateIp }: Host): string => `${privateIp}:4647`

/**
 * The servers of Nomad. Whom a server takes for the leader needs no token; who is a voter does, so that until ACLs are
 * bootstrapped the peers of the leader stand for its voters. At a first boot they are the same; a server that joins
 * later is a peer some seconds before it has a vote, and by then there are ACLs.
 * Source: Nomad's HTTP API, "Status" and "Operator".
 */
export const nomadCluster: ClusterRole = {
  name: 'nomad',
  within: 180,
  // `stale`: by its own knowledge and at once, where it would ask the leader, and wait for one
  observe: (_, secrets) =>
    managerScript(
      'how a server of nomad stands',
      secrets,
      `
leader=$(api '/v1/status/leader?stale' --max-time 5) || exit 0
printf '%s\\n' "$leader"
[ "$leader" != '""' ] || exit 0
api /v1/operator/raft/configuration --max-time 5 || api /v1/status/peers --max-time 5`,
    ),
  parse: (output, host) => {
    const [leader, members] = output
      .split('\n')
      .filter((line) => line !== '')
      .map(parsed)
    const healthy = typeof leader === 'string' && leader !== ''
    return { healthy, leader: leader === addressOf(host), voter: healthy && isVoter(members, addressOf(host)) }
  },
  // Which server is asked does not matter, so long as it is alive. Nomad before 1.7 knows no handing over; there an
  // election follows the restart.
  handOver: (host, secrets) =>
    managerScript(
      'hand over the lead of nomad',
      secrets,
      `
for peer in $(api /v1/status/peers | tr -d '[]"' | tr , ' '); do
  [ "$peer" != ${addressOf(host)} ] || continue
  code=$(api "/v1/operator/raft/transfer-leadership?address=$peer" --request PUT --output /dev/null --write-out '%{http_code}') && exit 0
  [ "$code" != 404 ] || exit 0
done
echo 'no other server takes the lead' >&2
exit 1`,
    ),
}

const parsed = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

type Member = Readonly<{ Address?: unknown; Voter?: unknown }>

const isVoter = (members: unknown, address: string): Standing['voter'] => {
  if (Array.isArray(members)) return members.includes(address)
  const { Servers: servers } = (members ?? {}) as { Servers?: unknown }
  return Array.isArray(servers) && servers.some((one: Member) => one?.Address === address && one.Voter === true)
}
