import { type ClusterRole, type Secrets, withApi } from '../../core/index.ts'

/** The agent of the host, as the one who may do everything. */
export const managed = (secrets: Secrets) => ({
  url: 'http://127.0.0.1:8500',
  token: secrets.value('consul-management-token'),
  tokenHeader: 'X-Consul-Token',
})

type RaftServer = Readonly<{ Address?: unknown; Leader?: unknown; Voter?: unknown }>

/**
 * The servers of Consul. Each tells of itself, not of what the leader says: before there is a leader nobody knows the
 * token, so that a server takes part only once it follows one.
 * Source: consul's API, "Operator: Raft"; before 1.15 it knows no handing over, and an election follows the restart
 */
export const consulCluster: ClusterRole = {
  name: 'consul',
  within: 120,
  observe: (_, secrets) =>
    withApi(
      'how a server of consul stands',
      managed(secrets),
      "api '/v1/operator/raft/configuration?stale' --max-time 5",
    ),
  parse: (output, { privateIp }) => {
    const servers = serversIn(output)
    const own = servers.find(({ Address }) => Address === `${privateIp}:8300`)
    return {
      healthy: own !== undefined && servers.some(({ Leader }) => Leader === true),
      leader: own?.Leader === true,
      voter: own?.Voter === true,
    }
  },
  handOver: (_, secrets) =>
    withApi(
      'hand over the lead of consul',
      managed(secrets),
      `
code=$(api /v1/operator/raft/transfer-leader --request POST --max-time 30 --output /dev/null --write-out '%{http_code}') && exit 0
[ "$code" != 404 ] || exit 0
echo "Consul answers $code" >&2
exit 1`,
    ),
}

const serversIn = (output: string): readonly RaftServer[] => {
  try {
    const { Servers } = JSON.parse(output)
    return Array.isArray(Servers) ? Servers.filter((one) => typeof one === 'object' && one !== null) : []
  } catch {
    return []
  }
}
