import test from 'ava'
import type { HealthCheck } from '../../core/declare/health.ts'
import type { Cluster, Host } from '../../core/declare/host.ts'
import { isSecret } from '../../core/secrets/secret.ts'
import nomad from '../../roles/nomad/index.ts'
import { host, secretsOf } from './fixtures.ts'

const servers = [host('node-1', '10.33.0.2', 0), host('node-2', '10.33.0.3', 1), host('node-3', '10.33.0.4', 2)]
const server = servers[0] as Host
const client = host('node-4', '10.33.0.5', 3, [])
const cluster: Cluster = { name: 'caravan', datacenter: 'dc1', network: '10.33.0.0/16', expose: 'private' }
const checksOf = (own: Host, vars = {}): readonly HealthCheck[] =>
  nomad.health({
    host: own,
    hosts: [...servers, client],
    cluster,
    vars: nomad.vars.parse(vars),
    secrets: secretsOf(nomad.secrets),
  })

test('servers are asked for voters, and clients for what runs there', (t) => {
  const titles = (own: Host, vars = {}) => checksOf(own, vars).map(({ name }) => name)
  const runs = ['node', 'ports of allocations', 'ports are private', 'names in a container']
  t.deepEqual(titles(server), ['leader', 'peers', 'agent', 'voters', ...runs])
  t.deepEqual(titles(client), ['leader', 'peers', 'agent', ...runs])
  t.deepEqual(titles(server, { client: false }), ['leader', 'peers', 'agent', 'voters'])
})

test('what needs a token is a secret; what starts something is deep', (t) => {
  const those = (which: (check: HealthCheck) => boolean) =>
    checksOf(server).flatMap((check) => (which(check) ? [check.name] : []))
  t.deepEqual(
    those(({ ask }) => isSecret(ask)),
    ['voters', 'node', 'ports of allocations', 'names in a container'],
  )
  t.deepEqual(
    those(({ deep }) => deep === true),
    ['names in a container'],
  )
  t.deepEqual(
    those(({ same }) => same === true),
    ['leader'],
  )
})

const DNS = `Server:    10.33.0.2
Address 1: 10.33.0.2 node-1

Name:      consul.service.consul
Address 1: 10.33.0.3
Address 2: 10.33.0.2 node-1
end of the first
Server:\t\t10.33.0.2
Address:\t10.33.0.2:53

Name:\texample.com
Address: 198.18.33.2
`
const answers: [check: string, answer: string, status: number, well: boolean][] = [
  ['leader', '"10.33.0.3:4647"', 0, true],
  ['leader', '""', 0, false],
  ['leader', '"10.33.0.5:4647"', 0, false],
  ['leader', 'curl: (7) Failed to connect', 7, false],
  ['peers', '["10.33.0.4:4647","10.33.0.2:4647","10.33.0.3:4647"]', 0, true],
  ['peers', '["10.33.0.2:4647","10.33.0.3:4647"]', 0, false],
  ['peers', '["10.33.0.4:4647","10.33.0.2:4647","10.33.0.3:4647","10.33.0.9:4647"]', 0, false],
  ['peers', '', 22, false],
  ['agent', '{"server":{"message":"ok","ok":true}}', 0, true],
  ['agent', '{"server":{"message":"no leader","ok":false}}', 0, false],
  ['agent', 'curl: (22) The requested URL returned error: 500', 22, false],
  ['voters', '3 voters, 1 leader', 0, true],
  ['voters', '2 voters, 1 leader', 0, false],
  ['voters', '3 voters, 0 leader', 0, false],
  ['voters', '', 1, false],
  ['node', 'ready, eligible, docker healthy, ports on 10.33.0.2', 0, true],
  ['node', 'ready, eligible, docker healthy, ports on 198.51.100.2', 0, false],
  ['node', 'ready, eligible, docker unhealthy, ports on 10.33.0.2', 0, false],
  ['node', 'down, eligible, docker healthy, ports on 10.33.0.2', 0, false],
  ['ports of allocations', '', 0, true],
  ['ports of allocations', 'web.web[0] http 10.33.0.2:20001\ndb.db[1] pg 10.33.0.2:31000', 0, true],
  ['ports of allocations', 'web.web[0] http 10.33.0.2:20001\nweb.web[1] http 198.51.100.2:31000', 0, false],
  ['ports of allocations', 'web.web[0] http 10.33.0.21:20001', 0, false],
  ['ports of allocations', 'web.web[0] http 10.33.0.2:20001 is not forwarded', 0, false],
  ['ports of allocations', '', 1, false],
  ['ports are private', '', 0, true],
  ['ports are private', '-A CNI-DN-a -p tcp -m tcp --dport 25451 -j DNAT --to-destination 172.26.64.3:8080', 0, false],
  ['ports are private', 'iptables: not found', 1, false],
  ['names in a container', DNS, 0, true],
  ['names in a container', DNS.replace('10.33.0.3', '198.51.100.7'), 0, false],
  ['names in a container', DNS.replace(/Name:\s+consul[\s\S]*end/, 'end'), 0, false],
  ['names in a container', DNS.replace(/Name:\s+example[\s\S]*$/, ''), 0, false],
  ['names in a container', '"DisplayMessage":"Failed to pull"', 0, false],
  ['names in a container', '', 124, false],
]
for (const [title, answer, status, well] of answers) {
  test(`nomad's ${title} is ${well ? 'well' : 'not well'}: ${answer.slice(0, 60)} ${status} ${answer.length}`, (t) => {
    const check = checksOf(server).find(({ name }) => name === title)
    t.is(check?.judge(answer, status), well)
  })
}
