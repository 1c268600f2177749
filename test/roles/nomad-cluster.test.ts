import test, { type ExecutionContext } from 'ava'
import type { Standing } from '../../core/declare/cluster.ts'
import { nomadCluster } from '../../roles/nomad/cluster.ts'
import nomad from '../../roles/nomad/index.ts'
import { type Answers, againstApi } from './api-server.ts'
import { host, secretsOf } from './fixtures.ts'

const own = host('node-1', '10.33.0.2', 0)
const secrets = secretsOf(nomad.secrets)
const raft = (...servers: readonly [address: string, voter: boolean][]) =>
  JSON.stringify({ Index: 1, Servers: servers.map(([Address, Voter]) => ({ Address, Voter, Leader: false })) })

const out: Standing = { healthy: false, leader: false, voter: false }
const said: [title: string, output: string, standing: Standing][] = [
  ['nothing', '', out],
  ['no leader', '""\n', out],
  ['garbage', '<html>\n{', out],
  ['a number', '7\n7\n', out],
  ['it leads', `"10.33.0.2:4647"\n${raft(['10.33.0.2:4647', true])}\n`, { healthy: true, leader: true, voter: true }],
  [
    'it follows',
    `"10.33.0.3:4647"\n${raft(['10.33.0.3:4647', true], ['10.33.0.2:4647', true])}\n`,
    { healthy: true, leader: false, voter: true },
  ],
  [
    'it has no vote yet',
    `"10.33.0.3:4647"\n${raft(['10.33.0.3:4647', true], ['10.33.0.2:4647', false])}\n`,
    { healthy: true, leader: false, voter: false },
  ],
  [
    'it was removed',
    `"10.33.0.3:4647"\n${raft(['10.33.0.3:4647', true])}\n`,
    { healthy: true, leader: false, voter: false },
  ],
  [
    'before ACLs',
    '"10.33.0.3:4647"\n["10.33.0.3:4647","10.33.0.2:4647"]\n',
    { healthy: true, leader: false, voter: true },
  ],
  [
    'before ACLs, and no peer',
    '"10.33.0.3:4647"\n["10.33.0.3:4647"]\n',
    { healthy: true, leader: false, voter: false },
  ],
  ['the servers are not told', '"10.33.0.2:4647"\n', { healthy: true, leader: true, voter: false }],
]
for (const [title, output, standing] of said) {
  test(`a server that says: ${title}`, (t) => {
    t.deepEqual(nomadCluster.parse(output, own), standing)
  })
}

const api = { url: 'https://127.0.0.1:4646', header: 'x-nomad-token', token: secrets.value('nomad-management-token') }
const observe = (t: ExecutionContext, answers: Answers) =>
  againstApi(t, api, nomadCluster.observe(own, secrets), answers)
const LEADER = '/v1/status/leader?stale'
const RAFT = '/v1/operator/raft/configuration'

test('a server is asked whom it follows, and then who votes', async (t) => {
  const { stdout, asked } = await observe(t, { [LEADER]: [200, '"10.33.0.3:4647"'], [RAFT]: [200, '{"Servers":[]}'] })
  t.is(stdout, '"10.33.0.3:4647"\n{"Servers":[]}')
  t.deepEqual(asked, [`GET ${LEADER} true`, `GET ${RAFT} true`])
})

test('before ACLs are bootstrapped the token is refused, and the peers are asked for', async (t) => {
  const peers = '["10.33.0.2:4647"]'
  const { stdout } = await observe(t, {
    [LEADER]: [200, '"10.33.0.2:4647"'],
    [RAFT]: [403, 'ACL token not found'],
    '/v1/status/peers': [200, peers],
  })
  t.deepEqual(nomadCluster.parse(stdout, own), { healthy: true, leader: true, voter: true })
})

test('a server without a leader is asked no more, since it would wait for one', async (t) => {
  const { stdout, asked } = await observe(t, { [LEADER]: [200, '""'] })
  t.deepEqual(nomadCluster.parse(stdout, own), out)
  t.is(asked.length, 1)
})

const TRANSFER = '/v1/operator/raft/transfer-leadership?address='
const handOvers: [title: string, answers: Answers, code: number, last: string][] = [
  ['the first that takes it', { [`${TRANSFER}10.33.0.3:4647`]: [200, '{}'] }, 0, `${TRANSFER}10.33.0.3:4647`],
  [
    'the next one',
    { [`${TRANSFER}10.33.0.3:4647`]: [500, 'not up to date'], [`${TRANSFER}10.33.0.4:4647`]: [200, '{}'] },
    0,
    `${TRANSFER}10.33.0.4:4647`,
  ],
  [
    'nobody',
    { [`${TRANSFER}10.33.0.3:4647`]: [500, ''], [`${TRANSFER}10.33.0.4:4647`]: [500, ''] },
    1,
    `${TRANSFER}10.33.0.4:4647`,
  ],
  ['an older Nomad', {}, 0, `${TRANSFER}10.33.0.3:4647`],
]
for (const [title, answers, code, last] of handOvers) {
  test(`the lead goes to another server: ${title}`, async (t) => {
    const peers = '["10.33.0.2:4647","10.33.0.3:4647","10.33.0.4:4647"]'
    const came = await againstApi(t, api, nomadCluster.handOver?.(own, secrets), {
      '/v1/status/peers': [200, peers],
      ...answers,
    })
    t.is(came.code, code)
    t.is(came.asked.at(-1), `PUT ${last} true`)
    t.false(came.asked.some((one) => one.includes('10.33.0.2')))
  })
}
