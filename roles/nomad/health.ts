import {
  type Finding,
  type HealthCheck,
  type HealthInput,
  isServer,
  type RoleInput,
  serversOf,
} from '../../core/index.ts'
import { asking, managerScript, OWN_NODE } from './api.ts'
import { dnsInContainer } from './dns-check.ts'
import type { NomadVars } from './vars.ts'

/** What keeps a host from being an agent of Nomad, or makes it a poor one. */
export const findings = ({ host, vars }: RoleInput<NomadVars>): readonly Finding[] => {
  const found: Finding[] = []
  if (host.facts.privateInterface === undefined)
    found.push({
      level: 'error',
      message: `no interface has its private address ${host.privateIp}, and Nomad would put ports on the public one`,
      hint: 'attach it to the private network, or correct privateIp in the inventory',
    })
  if (!isServer(host) && !vars.client)
    found.push({
      level: 'error',
      message: 'is neither a server nor a client of Nomad',
      hint: 'put it into the group servers, or leave client on',
    })
  return found
}

type Input = HealthInput<NomadVars>

/** Source: Nomad's HTTP API, "Status", "Agent", "Operator", "Nodes" and "Allocations". */
export const nomadHealth = (input: Input): readonly HealthCheck[] => [
  ...clusterChecks(input),
  ...(isServer(input.host) ? [voters(input)] : []),
  ...(input.vars.client ? [node(input), ports(input), privatePorts(input), dnsInContainer(input)] : []),
]

const clusterChecks = ({ hosts, host }: Input): readonly HealthCheck[] => {
  const addresses = serversOf(hosts).map(({ privateIp }) => `${privateIp}:4647`)
  const types = isServer(host) ? 'server' : 'client'
  return [
    {
      name: 'leader',
      ask: asking('/v1/status/leader'),
      expect: 'the private address of a server',
      judge: (answer, status) => status === 0 && addresses.some((address) => answer === JSON.stringify(address)),
      same: true,
    },
    {
      name: 'peers',
      ask: asking('/v1/status/peers'),
      expect: `${addresses.length} servers: ${addresses.join(', ')}`,
      judge: (answer, status) => status === 0 && sameMembers(answer, addresses),
    },
    {
      name: 'agent',
      ask: asking(`/v1/agent/health?type=${types}`),
      expect: `the ${types} is ok`,
      judge: (answer, status) => status === 0 && answer.includes('"ok":true'),
    },
  ]
}

const sameMembers = (answer: string, addresses: readonly string[]): boolean =>
  [...answer.matchAll(/"([^"]*)"/g)]
    .map(([, one]) => one)
    .sort()
    .join() === [...addresses].sort().join()

const voters = ({ hosts, secrets }: Input): HealthCheck => {
  const count = serversOf(hosts).length
  return {
    name: 'voters',
    ask: managerScript(
      'raft configuration of nomad',
      secrets,
      `raft=$(api /v1/operator/raft/configuration) || exit 1
count() { printf %s "$raft" | grep -o "$1" | wc -l; }
echo "$(count '"Voter":true') voters, $(count '"Leader":true') leader"`,
    ),
    expect: `${count} voters, 1 leader`,
    judge: (answer) => answer === `${count} voters, 1 leader`,
  }
}

const node = ({ host, secrets }: Input): HealthCheck => {
  const good = `ready, eligible, docker healthy, ports on ${host.privateIp}`
  return {
    name: 'node',
    ask: managerScript(
      'the node of nomad',
      secrets,
      `${OWN_NODE}
echo "$(status), $(value SchedulingEligibility), docker $(docker), ports on $(value unique.network.ip-address)"`,
    ),
    expect: good,
    judge: (answer) => answer === good,
  }
}

// `web.web[0] http 10.33.0.2:23456`. An allocation's name stands before its ports. One that leads to another port, of a
// container, is forwarded by the kernel.
// Source: hashicorp/nomad, nomad/structs: AllocListStub, AllocatedPortMapping
const PORTS = `
own=$(cat /opt/nomad/data/client/client-id) || exit 1
all=$(api "/v1/allocations?namespace=*&resources=true&filter=NodeID%20%3D%3D%20%22$own%22%20and%20ClientStatus%20%3D%3D%20%22running%22") || exit 1
rules=$(iptables -w 5 -t nat -S) || exit 1
printf %s "$all" | grep -oE '"Name":"[^"]*\\[[0-9]+\\]"|"Label":"[^"]*","Value":[0-9]+,"To":-?[0-9]+,"HostIP":"[^"]*"' |
  awk -F '"' '{ gsub(/[^0-9]/, "", $7); gsub(/[^0-9-]/, "", $9) }
    $2 == "Name" { name = $4 } $2 == "Label" { print name " " $4 " " $12 ":" $7 " " $9 }' |
  while read -r name label at to; do
    lost=
    [ "$to" -le 0 ] || printf '%s\\n' "$rules" | grep -qE -e "--dport \${at##*:} .*-j DNAT" || lost=' is not forwarded'
    echo "$name $label $at$lost"
  done`

const ports = ({ host, secrets }: Input): HealthCheck => ({
  name: 'ports of allocations',
  ask: managerScript('the allocations of the node', secrets, PORTS),
  expect: `each on ${host.privateIp}, and forwarded`,
  judge: (answer, status) =>
    status === 0 &&
    answer
      .split('\n')
      .filter((line) => line !== '')
      .every((line) => /^\S+ \S+ ([\d.]+):\d+$/.exec(line)?.[1] === host.privateIp),
})

/** Where the kernel forwards them from: what Nomad says of a port is what it wants. Source: the portmap plugin of CNI. */
const privatePorts = ({ host }: Input): HealthCheck => ({
  name: 'ports are private',
  ask: `rules=$(iptables -w 5 -t nat -S) || exit 1
printf '%s\\n' "$rules" | grep -E '^-A CNI-DN-.* -j DNAT' | grep -vE -e '-d (${host.privateIp}|127\\.0\\.0\\.1)/32 ' || :`,
  expect: `no port is forwarded from other addresses than ${host.privateIp}`,
  judge: (answer, status) => status === 0 && answer === '',
})
