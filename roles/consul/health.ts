import {
  type HealthCheck,
  type HealthInput,
  type Host,
  isServer,
  type Secrets,
  serversOf,
  withApi,
} from '../../core/index.ts'
import { managed } from './cluster.ts'
import { type ConsulVars, httpsPort } from './vars.ts'

const curl = 'curl -q -s --noproxy "*" --max-time 5'
const API = 'http://127.0.0.1:8500'
const dig = 'dig +short +time=2 +tries=2 @127.0.0.1 -p 8600'

/** Source: consul's API, "Status", "Agent" and "Operator: Autopilot"; `ss(8)`. */
export const consulHealth = ({ host, hosts, cluster, secrets }: HealthInput<ConsulVars>): readonly HealthCheck[] => {
  const servers = serversOf(hosts)
  const addresses = servers.map(({ privateIp }) => privateIp)
  const peers = addresses.map((address) => `${address}:8300`)
  return [
    {
      name: 'has a leader',
      ask: `${curl} ${API}/v1/status/leader`,
      expect: `one of ${peers.join(', ')}`,
      judge: (answer) => peers.some((peer) => answer === JSON.stringify(peer)),
      same: true,
    },
    {
      name: 'has its peers',
      ask: `${curl} ${API}/v1/status/peers`,
      expect: `${peers.join(', ')}`,
      judge: (answer) => sameWords(answer.replaceAll(/[[\]",]/g, ' '), peers),
    },
    {
      name: 'names the servers',
      ask: `${dig} consul.service.consul A`,
      expect: addresses.join(' '),
      judge: (answer) => sameWords(answer, addresses),
    },
    {
      name: 'knows every node',
      ask: `for n in ${hosts.map(({ name }) => name).join(' ')}; do echo "$n $(${dig} "$n.node.consul" A)"; done`,
      expect: 'the private address of each',
      judge: (answer) =>
        sameWords(
          answer,
          hosts.flatMap(({ name, privateIp }) => [name, privateIp]),
        ),
    },
    {
      name: 'listens privately',
      ask: `ss -Hlntup | awk '/"consul"/ { print $1, $5 }' | sort -u`,
      expect: `only 127.0.0.1 and ${host.privateIp}${cluster.expose === 'management' ? ', and the pages' : ''}`,
      judge: (answer) => answer !== '' && answer.split('\n').every((line) => mayListen(line, host, httpsPort(cluster))),
    },
    {
      name: 'refuses strangers',
      ask: `${curl} -o /dev/null -w '%{http_code}' ${API}/v1/kv/caravan`,
      expect: '403 without a token',
      judge: (answer) => answer === '403',
    },
    seesMembers(hosts, secrets),
    ...(isServer(host) ? [refusesPlainRpc(host), hasVoters(servers, secrets)] : []),
  ]
}

const sameWords = (answer: string, words: readonly string[]): boolean =>
  answer.split(/\s+/).filter(Boolean).sort().join(' ') === [...words].sort().join(' ')

/** `tcp 10.33.0.2:8300`; TLS for management listens on the public address, whichever that is, and on no wildcard. */
const mayListen = (line: string, { privateIp }: Host, pages: number): boolean => {
  const [, protocol, address, port] = /^(\w+) (\S+):(\d+)$/.exec(line) ?? []
  if (address === '127.0.0.1' || address === privateIp) return true
  return protocol === 'tcp' && pages === 8500 && port === '8500' && !/^(\*|0\.0\.0\.0|\[::\])$/.test(address ?? '*')
}

/** A server closes what does not begin with TLS; one that did not would wait for more until the time is up. */
const refusesPlainRpc = ({ privateIp }: Host): HealthCheck => ({
  name: 'refuses RPC in the clear',
  // 1: a connection of Raft. Source: hashicorp/consul, agent/pool/conn.go
  ask: `{ printf '\\001'; sleep 4; } | timeout 3 curl -q -s --noproxy "*" telnet://${privateIp}:8300; echo $?`,
  expect: '0: closed at once',
  judge: (answer) => answer === '0',
})

/** By gossip. Whoever has left on purpose is a member for some days still. */
const seesMembers = (hosts: readonly Host[], secrets: Secrets): HealthCheck => ({
  name: 'sees all members alive',
  ask: withApi(
    'the members that an agent of consul sees',
    managed(secrets),
    `api /v1/agent/members | grep -oE '"(Name|Status)":("[^"]*"|[0-9]+)' | tr -d '"' | cut -d : -f 2 | paste -d ' ' - -`,
  ),
  // 1: alive. Source: hashicorp/serf, MemberStatus
  expect: hosts.map(({ name }) => `${name} 1`).join(', '),
  judge: (answer) => hosts.every(({ name }) => answer.split('\n').includes(`${name} 1`)),
})

/** By autopilot, which also looks at how far each server is behind. */
const hasVoters = (servers: readonly Host[], secrets: Secrets): HealthCheck => ({
  name: 'has healthy voters',
  ask: withApi(
    'the health of the servers of consul',
    managed(secrets),
    `api /v1/operator/autopilot/health | grep -oE '"(Name|Healthy|Voter)":("[^"]*"|[a-z]+)' | tr -d '"' | tr '\\n' ' '`,
  ),
  expect: `Healthy:true, also of ${servers.map(({ name }) => name).join(', ')}, each with Voter:true`,
  judge: (answer) => {
    const words = answer.split(' ')
    const times = (word: string): number => words.filter((one) => one === word).length
    return (
      servers.every(({ name }) => times(`Name:${name}`) === 1) &&
      times('Healthy:true') === servers.length + 1 &&
      times('Voter:true') === servers.length
    )
  },
})
