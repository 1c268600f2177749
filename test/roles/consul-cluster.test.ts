import test from 'ava'
import type { Host } from '../../core/declare/host.ts'
import { Secret } from '../../core/secrets/secret.ts'
import { consulCluster } from '../../roles/consul/cluster.ts'
import { consulHealth } from '../../roles/consul/health.ts'
import consul from '../../roles/consul/index.ts'
import { type Answers, againstApi } from './api-server.ts'
import { host, secretsOf } from './fixtures.ts'

const servers = [host('node-1', '10.33.0.2', 0), host('node-2', '10.33.0.3', 1), host('node-3', '10.33.0.4', 2)]
const server = servers[0] as Host
const client = host('node-4', '10.33.0.5', 3, [])

// as a server of 1.16 answers
const raft = (...all: [address: string, leads: boolean, votes: boolean][]) =>
  JSON.stringify({
    Servers: all.map(([address, Leader, Voter], index) => ({
      ID: `a3d1f2b${index}-0000-4000-8000-000000000000`,
      Node: `node-${index + 1}`,
      Address: `${address}:8300`,
      Leader,
      ProtocolVersion: '3',
      Voter,
    })),
    Index: 0,
  })
const out = { healthy: false, leader: false, voter: false }
const up = { healthy: true, leader: false, voter: true }

const answers: [title: string, output: string, standing: typeof out][] = [
  ['it leads', raft(['10.33.0.2', true, true], ['10.33.0.3', false, true]), { ...up, leader: true }],
  ['it follows', raft(['10.33.0.2', false, true], ['10.33.0.3', true, true]), up],
  ['it has no vote yet', raft(['10.33.0.2', false, false], ['10.33.0.3', true, true]), { ...up, voter: false }],
  ['it knows no leader', raft(['10.33.0.2', false, true], ['10.33.0.3', false, true]), { ...up, healthy: false }],
  ['it is not one of them', raft(['10.33.0.3', true, true], ['10.33.0.4', false, true]), out],
  ['an address that begins the same', raft(['10.33.0.22', true, true]), out],
  ['it does not answer', '', out],
  ['it answers garbage', 'curl: (7) Failed to connect', out],
  ['JSON of something else', '{"Servers":[null,1,"x"]}', out],
  ['JSON of nothing', 'null', out],
]
for (const [title, output, standing] of answers) {
  test(`a server of consul: ${title}`, (t) => {
    t.deepEqual(consulCluster.parse(output, server), standing)
  })
}

test('what servers are asked is a secret, and its token stands in no argument', (t) => {
  const secrets = secretsOf(consul.secrets)
  const token = secrets.value('consul-management-token').reveal()
  for (const question of [consulCluster.observe(server, secrets), consulCluster.handOver?.(server, secrets)]) {
    t.true(question instanceof Secret)
    const script = (question as Secret).reveal()
    t.true(script.includes(`header = "X-Consul-Token: ${token}"`))
    const heredoc = script.indexOf("<<'CARAVAN_API'")
    t.true(heredoc > 0 && heredoc < script.indexOf(token) && script.indexOf(token) < script.indexOf('\nCARAVAN_API\n'))
  }
})

const TRANSFER = '/v1/operator/raft/transfer-leader'
const handOvers: [title: string, answers: Answers, code: number, stderr: string][] = [
  ['Consul elects another leader', { [TRANSFER]: [200, '{"Success":true}'] }, 0, ''],
  ['Consul before 1.15', {}, 0, ''],
  ['nobody takes it', { [TRANSFER]: [500, 'cannot find peer'] }, 1, 'Consul answers 500'],
]
for (const [title, answers, code, stderr] of handOvers) {
  test(`the lead is handed over: ${title}`, async (t) => {
    const secrets = secretsOf(consul.secrets)
    const token = secrets.value('consul-management-token')
    const api = { url: 'http://127.0.0.1:8500', header: 'x-consul-token', token }
    const came = await againstApi(t, api, consulCluster.handOver?.(server, secrets), answers)
    t.is(came.code, code, came.stderr)
    t.true(came.stderr.includes(stderr), came.stderr)
    t.deepEqual(came.asked, [`POST ${TRANSFER} true`])
  })
}

const checks = (own: Host, expose: 'private' | 'management' = 'private') =>
  consulHealth({
    host: own,
    hosts: [...servers, client],
    cluster: { name: 'caravan', datacenter: 'dc1', network: '10.33.0.0/16', expose },
    vars: consul.vars.parse({}),
    secrets: secretsOf(consul.secrets),
  })
const judge = (name: string, answer: string, own = server, expose: 'private' | 'management' = 'private') =>
  checks(own, expose)
    .find((check) => check.name === name)
    ?.judge(answer, 0)

test('a server is asked whether it refuses RPC in the clear, and a client has none', (t) => {
  const all = [
    'has a leader',
    'has its peers',
    'names the servers',
    'knows every node',
    'listens privately',
    'refuses strangers',
    'sees all members alive',
  ]
  t.deepEqual(
    checks(client).map(({ name }) => name),
    all,
  )
  t.deepEqual(
    checks(server).map(({ name }) => name),
    [...all, 'refuses RPC in the clear', 'has healthy voters'],
  )
  t.deepEqual(
    checks(server)
      .filter(({ same }) => same)
      .map(({ name }) => name),
    ['has a leader'],
  )
})

const judged: [name: string, answer: string, well: boolean][] = [
  ['has a leader', '"10.33.0.3:8300"', true],
  ['has a leader', '""', false],
  ['has a leader', '"10.33.0.9:8300"', false],
  ['has a leader', 'No cluster leader', false],
  ['has its peers', '["10.33.0.4:8300","10.33.0.2:8300","10.33.0.3:8300"]', true],
  ['has its peers', '["10.33.0.4:8300","10.33.0.2:8300"]', false],
  ['has its peers', '["10.33.0.4:8300","10.33.0.2:8300","10.33.0.3:8300","10.33.0.5:8300"]', false],
  ['has its peers', '', false],
  ['names the servers', '10.33.0.3\n10.33.0.2\n10.33.0.4', true],
  ['names the servers', '10.33.0.3\n10.33.0.2', false],
  ['names the servers', ';; connection timed out; no servers could be reached', false],
  ['names the servers', '', false],
  ['knows every node', 'node-1 10.33.0.2\nnode-2 10.33.0.3\nnode-3 10.33.0.4\nnode-4 10.33.0.5', true],
  ['knows every node', 'node-1 10.33.0.2\nnode-2 10.33.0.3\nnode-3 10.33.0.4\nnode-4 ', false],
  ['listens privately', 'tcp 10.33.0.2:8300\ntcp 127.0.0.1:8500\nudp 10.33.0.2:8301\nudp 127.0.0.1:8600', true],
  ['listens privately', 'tcp 10.33.0.2:8300\ntcp *:8500', false],
  ['listens privately', 'udp 0.0.0.0:8301', false],
  ['listens privately', 'tcp 198.18.33.11:8500', false],
  ['listens privately', 'tcp [::1]:8500', false],
  ['listens privately', '', false],
  ['refuses strangers', '403', true],
  ['refuses strangers', '404', false],
  ['refuses strangers', '200', false],
  ['refuses strangers', '000', false],
  ['sees all members alive', 'node-2 1\nnode-1 1\nnode-4 1\nnode-3 1\nnode-9 3', true],
  ['sees all members alive', 'node-1 1\nnode-2 1\nnode-3 1\nnode-4 4', false],
  ['sees all members alive', 'node-1 1\nnode-2 1\nnode-3 1', false],
  ['sees all members alive', 'curl: (22) The requested URL returned error: 403', false],
  [
    'has healthy voters',
    'Healthy:true Name:node-1 Voter:true Healthy:true Name:node-2 Voter:true Healthy:true Name:node-3 Voter:true Healthy:true',
    true,
  ],
  [
    'has healthy voters',
    'Healthy:true Name:node-1 Voter:false Healthy:true Name:node-2 Voter:true Healthy:true Name:node-3 Voter:true Healthy:true',
    false,
  ],
  ['has healthy voters', 'Healthy:true Name:node-1 Voter:true Healthy:true Name:node-2 Voter:true Healthy:true', false],
  [
    'has healthy voters',
    'Healthy:false Name:node-1 Voter:true Healthy:true Name:node-2 Voter:true Healthy:true Name:node-3 Voter:true Healthy:true',
    false,
  ],
  ['has healthy voters', 'curl: (22) The requested URL returned error: 429', false],
  ['refuses RPC in the clear', '0', true],
  ['refuses RPC in the clear', '124', false],
  ['refuses RPC in the clear', '7', false],
]
for (const [name, answer, well] of judged) {
  test(`consul ${name}: ${JSON.stringify(answer)} is ${well ? 'well' : 'not well'}`, (t) => {
    t.is(judge(name, answer), well)
  })
}

test('for management the pages may listen publicly, by TCP and on no wildcard; nothing else may', (t) => {
  const listens = (answer: string) => judge('listens privately', answer, server, 'management')
  t.true(listens('tcp 198.18.33.11:8500\ntcp 127.0.0.1:8500'))
  t.false(listens('tcp 198.18.33.11:8501'))
  t.false(listens('udp 198.18.33.11:8500'))
  t.false(listens('tcp *:8500'))
  t.false(listens('tcp 0.0.0.0:8500'))
})
