import test from 'ava'
import type { Cluster, Host } from '../../core/declare/host.ts'
import { type Resource, Unknown } from '../../core/declare/resource.ts'
import acl from '../../roles/nomad/acl.ts'
import nomad from '../../roles/nomad/index.ts'
import { byId, declared, facts, found, host, type More, names, releasesOf, secretsOf, textOf } from './fixtures.ts'

const servers = [host('node-1', '10.33.0.2', 0), host('node-2', '10.33.0.3', 1), host('node-3', '10.33.0.4', 2)]
const server = servers[0] as Host
const client: Host = { ...host('node-4', '10.33.0.5', 3, []), slot: undefined }
const cluster: Cluster = { name: 'caravan', datacenter: 'dc1', network: '10.33.0.0/16', expose: 'private' }
const management: Cluster = { ...cluster, expose: 'management' }
const secrets = secretsOf(nomad.secrets)
const given = (more: More = {}, version = '1.6.1'): More => ({
  hosts: [...servers, client],
  cluster,
  secrets,
  releases: releasesOf(version),
  ...more,
})
const on = (own: Host, more: More = given(), vars: Record<string, unknown> = {}) =>
  declared(nomad, own, facts.debian12, vars, more)

const CONFIG = '/etc/nomad.d/nomad.hcl'
const JOIN = '/etc/nomad.d/nomad-join.hcl'
const UNIT = '/etc/systemd/system/nomad.service'

const agent = [
  'package curl',
  'package openssl',
  'directory /opt/nomad',
  'directory /opt/nomad/data',
  'directory /etc/nomad.d',
  'directory /etc/nomad.d/tls',
  'artifact nomad /usr/local/bin/nomad',
  'file /etc/nomad.d/tls/ca.pem',
  'certificate /etc/nomad.d/tls/agent.pem',
  'file /etc/nomad.d/consul.hcl',
  'file /etc/nomad.d/nomad.hcl',
  'file /etc/nomad.d/settings.json',
  'file /etc/nomad.d/nomad-join.hcl',
  'directory /usr/local/lib/caravan',
  'file /usr/local/lib/caravan/nomad-after-boot',
  'file /etc/systemd/system/nomad.service',
  'service nomad.service',
  'ready nomad answers, with the certificate of its file',
]

for (const [machine, known] of Object.entries(facts)) {
  for (const version of ['1.6.1', '1.8.0', '1.10.5']) {
    for (const expose of ['private', 'management'] as const) {
      test(`nomad ${version} on ${machine}, ${expose}: the same resources for a server and a client`, (t) => {
        const more = given({ cluster: { ...cluster, expose } }, version)
        for (const own of [server, client]) t.deepEqual(names(declared(nomad, own, known, {}, more)), agent)
        t.true(
          textOf(declared(nomad, server, known, {}, more), CONFIG).includes(
            `network_interface = "${known.privateInterface}"\n`,
          ),
        )
      })
    }
  }
}

test('the configuration of a server that is a client too', (t) => {
  const lines = textOf(on(server), CONFIG)
    .split('\n')
    .map((line) => line.trim().replaceAll(/ +/g, ' '))
  t.deepEqual(
    lines.filter((line) => line !== '' && !line.startsWith('#')),
    `name = "node-1"
region = "global"
datacenter = "dc1"
data_dir = "/opt/nomad/data"
log_level = "INFO"
bind_addr = "10.33.0.2"
addresses {
http = "127.0.0.1 10.33.0.2"
}
advertise {
http = "10.33.0.2"
rpc = "10.33.0.2"
serf = "10.33.0.2"
}
leave_on_interrupt = false
leave_on_terminate = false
disable_update_check = true
acl {
enabled = true
}
tls {
http = true
rpc = true
ca_file = "/etc/nomad.d/tls/ca.pem"
cert_file = "/etc/nomad.d/tls/agent.pem"
key_file = "/etc/nomad.d/tls/agent.pem"
verify_server_hostname = true
verify_https_client = false
}
telemetry {
prometheus_metrics = true
publish_node_metrics = true
publish_allocation_metrics = true
}
server {
enabled = true
heartbeat_grace = "60s"
}
client {
enabled = true
network_interface = "enp7s0"
cni_path = "/opt/cni/bin"
cni_config_dir = "/opt/cni/config"
max_kill_timeout = "10m"
reserved {
cpu = 500
memory = 1024
disk = 10240
}
host_network "loopback" {
interface = "lo"
}
options = {
"fingerprint.denylist" = "env_aws,env_gce,env_azure,env_digitalocean"
}
}
plugin "docker" {
config {
allow_privileged = false
infra_image = "registry.k8s.io/pause:3.9"
volumes {
enabled = false
}
gc {
image_delay = "24h"
}
}
}`.split('\n'),
  )
})

test('a client alone, and a server alone', (t) => {
  const blocks = (text: string) => [...text.matchAll(/^(\w+)( "\w+")? \{/gm)].map(([, name]) => name)
  const common = ['addresses', 'advertise', 'acl', 'tls', 'telemetry']
  t.deepEqual(blocks(textOf(on(client), CONFIG)), [...common, 'client', 'plugin'])
  const alone = on(server, given(), { client: false, hostVolumes: { data: { path: '/srv/data' } } })
  t.deepEqual(blocks(textOf(alone, CONFIG)), [...common, 'server'])
  t.deepEqual(
    names(alone),
    agent.filter((name) => !name.includes('/caravan')),
  )
  t.false(textOf(alone, UNIT).includes('ExecStartPre'))
  t.regex(textOf(on(server), UNIT), /^ExecStartPre=-\/usr\/local\/lib\/caravan\/nomad-after-boot$/m)
  t.regex(textOf(alone, UNIT), /^Wants=network-online.target consul.service$/m)
  t.regex(textOf(on(client), UNIT), /^After=network-online.target consul.service docker.service$/m)
})

test('a server expects all servers and looks for the others; a client looks for all, and knows no gossip key', (t) => {
  t.is(
    textOf(on(server), JOIN),
    `# Written by Caravan. Nomad reads this at its first start only, so that nothing restarts when it changes.
server {
  bootstrap_expect = 3
  encrypt          = "${secrets.value('nomad-gossip-key').reveal()}"

  server_join {
    retry_join     = ["10.33.0.3:4648", "10.33.0.4:4648"]
    retry_interval = "5s"
  }
}
`,
  )
  const join = textOf(on(client), JOIN)
  t.regex(join, /^client \{\n {2}server_join \{\n {4}retry_join {5}= \["10.33.0.2:4647", "10.33.0.3:4647", "10.33/m)
  t.false(join.includes('encrypt'))
  const single = textOf(on(server, given({ hosts: [server, client] })), JOIN)
  t.regex(single, /bootstrap_expect = 1$/m)
  t.false(single.includes('server_join'))
})

test('a host that joins later changes nothing that other agents start from', (t) => {
  const later = given({ hosts: [...servers, client, host('node-5', '10.33.0.6', 4, [])] })
  const fifth = given({ hosts: [...servers, client, host('node-5', '10.33.0.6', 4)] })
  for (const own of [server, client]) {
    for (const more of [later, fifth]) {
      const changed = on(own, more).flatMap((after) => {
        const before = byId(on(own), after.id)
        return after.type.name === 'file' && textOf([before], after.id) !== textOf([after], after.id) ? [after.id] : []
      })
      t.deepEqual(changed, more === later ? [] : [JOIN])
    }
  }
})

test('it restarts on what it reads at start, and on certificates only where a reload would kill it', (t) => {
  const start = [
    'artifact nomad /usr/local/bin/nomad',
    'file /etc/systemd/system/nomad.service',
    'file /etc/nomad.d/consul.hcl',
    'file /etc/nomad.d/nomad.hcl',
    'file /etc/nomad.d/settings.json',
    'file /etc/nomad.d/storage.hcl',
  ]
  const tls = ['file /etc/nomad.d/tls/ca.pem', 'certificate /etc/nomad.d/tls/agent.pem']
  for (const [version, reloads] of [
    ['1.6.1', true],
    ['1.7.7', true],
    ['1.8.0', false],
    ['1.10.0', false],
    ['1.10.1', true],
    ['2.0.5', true],
  ] as const) {
    const { want } = byId(on(server, given({}, version)), 'nomad.service')
    t.deepEqual(names(want.restartOn), reloads ? start : [...start, ...tls], version)
    t.deepEqual(names(want.reloadOn ?? []), reloads ? tls : [], version)
    t.like(want, { enabled: true, running: true })
  }
})

test('the unit follows the version', (t) => {
  const lines = (version: string) => {
    const resources = on(server, given({}, version))
    const { noBlock } = byId(resources, 'nomad.service').want
    return [...(textOf(resources, UNIT).match(/^(Type|User|KillMode)=.*$/gm) ?? []), noBlock]
  }
  t.deepEqual(lines('1.6.1'), ['Type=simple', 'KillMode=process', false])
  t.deepEqual(lines('1.8.0'), ['Type=notify', 'KillMode=process', true])
  t.deepEqual(lines('1.8.4'), ['Type=notify', 'User=root', 'KillMode=process', true])
  t.false(/^Requires=/m.test(textOf(on(server), UNIT)))
})

test('Consul: a token for all agents, and identities of workloads from 1.10 on, which servers make', (t) => {
  const consul = (own: Host, version: string) => textOf(on(own, given({}, version)), '/etc/nomad.d/consul.hcl')
  const token = `token   = "${secrets.value('consul-nomad-token').reveal()}"\n`
  for (const version of ['1.6.1', '1.9.7', '1.10.5'])
    for (const own of [server, client]) t.true(consul(own, version).includes(token))
  t.false(consul(server, '1.9.7').includes('identity'))
  t.false(consul(client, '1.10.5').includes('identity'))
  t.regex(consul(server, '1.10.5'), /service_identity \{[^}]*"consul.io"[^}]*\}\s+task_identity \{/)
})

test('exposed for management it listens publicly too, by a certificate of its public name', (t) => {
  const http = (own: Host, more: More) => /^ {2}http = (".*")$/m.exec(textOf(on(own, more), CONFIG))?.[1]
  const named = (more: More) => byId(on(client, more), '/etc/nomad.d/tls/agent.pem').want.names
  t.is(http(server, given()), '"127.0.0.1 10.33.0.2"')
  t.is(http(server, given({ cluster: management })), '"127.0.0.1 10.33.0.2 {{ GetInterfaceIP \\"^eth0$\\" }}"')
  t.deepEqual(named(given()), ['client.global.nomad', 'localhost', '127.0.0.1', '10.33.0.5'])
  t.deepEqual(named(given({ cluster: management })).slice(4), ['node-4.example.com'])
  const { names: alias } = byId(
    on({ ...server, address: 'my_alias' }, given({ cluster: management })),
    '/etc/nomad.d/tls/agent.pem',
  ).want
  t.deepEqual(alias, ['server.global.nomad', 'localhost', '127.0.0.1', '10.33.0.2'])
})

test('host volumes: their directories, in the unit, and those of a slot on hosts that have one', (t) => {
  const vars = {
    hostVolumes: {
      'crate-data[slot]': { path: '/srv/crate', owner: '1000', group: '1000', mode: '0750' },
      'log-2': { path: '/srv/it\'s "logs"', readOnly: true },
    },
  }
  const volumes = (resources: readonly Resource[]) =>
    textOf(resources, CONFIG)
      .match(/host_volume[^}]*\}/g)
      ?.map((text) => text.replaceAll(/\s+/g, ' '))
  const own = on(server, given(), { hostVolumes: { 'crate-data[slot]': vars.hostVolumes['crate-data[slot]'] } })
  t.deepEqual(volumes(own), ['host_volume "crate-data[0]" { path = "/srv/crate" read_only = false }'])
  t.like(byId(own, '/srv/crate'), { want: { owner: '1000', group: '1000', mode: '0750', parents: true } })
  t.regex(textOf(own, UNIT), /^RequiresMountsFor=\/srv\/crate$/m)
  t.deepEqual(names(on(client, given(), { hostVolumes: { 'data[slot]': { path: '/srv/crate' } } })), agent)
  // a unit cannot name such a path
  t.throws(() => on(server, given(), { hostVolumes: { log: vars.hostVolumes['log-2'] } }), { message: /into a unit/ })
})

test('vars are refused with a reason', (t) => {
  for (const vars of [
    { version: '1.6' },
    { heartbeatGrace: '60' },
    { infraImage: "pause'; rm" },
    { publicName: 'a b' },
    { hostVolumes: { 'a b': { path: '/a' } } },
    { hostVolumes: { a: { path: 'a' } } },
    { hostVolumes: { a: { path: '/a', mode: '755' } } },
    { region: 'Global' },
  ])
    t.false(nomad.vars.safeParse(vars).success, JSON.stringify(vars))
})

test('the API and the files of secrets are for root alone', (t) => {
  const resources = on(server)
  t.is(byId(resources, '/etc/nomad.d/consul.hcl').want.mode, '0600')
  t.is(byId(resources, JOIN).want.mode, '0600')
  t.is(byId(on(client), JOIN).want.mode, '0600')
  t.is(byId(resources, '/opt/nomad/data').want.mode, '0700')
  t.false(textOf(resources, CONFIG).includes('5ec2e7'))
})

const vitals = { skew: 0, timeSynchronised: true }
const messages = (known: Parameters<typeof found>[1], vars = {}, more: More = {}) =>
  found(nomad, known, vitals, vars, given({ hosts: servers, ...more })).map(
    ({ level, message }) => `${level}: ${message}`,
  )

test('findings', (t) => {
  t.deepEqual(messages(facts.debian12), [])
  t.deepEqual(messages({ ...facts.debian12, privateInterface: undefined }), [
    'error: no interface has its private address 10.33.0.2, and Nomad would put ports on the public one',
  ])
  const idle = nomad.checks({
    ...given(),
    host: { ...client, facts: facts.debian12 },
    hosts: servers,
    cluster,
    vars: nomad.vars.parse({ client: false }),
    secrets,
    releases: releasesOf('1.6.1'),
    vitals,
  })
  t.deepEqual(
    idle.map(({ message }) => message),
    ['is neither a server nor a client of Nomad'],
  )
})

test('access control is one of the cluster, by servers; nodes wait until they are ready', (t) => {
  const ready = 'ready nomad runs jobs here, by a healthy docker'
  const cluster = ['http management token of nomad', 'http acl policy reader of nomad']
  const resources = declared(acl, server, facts.debian12, {}, given())
  t.deepEqual(names(resources), [...cluster, ready])
  t.deepEqual(
    resources.map(({ one }) => one ?? false),
    [true, true, false],
  )
  t.deepEqual(names(declared(acl, client, facts.debian12, {}, given())), [ready])
  t.deepEqual(names(declared(acl, server, facts.debian12, { client: false }, given())), cluster)
  t.deepEqual(
    resources.map(({ type, want }) => type.sensitive?.(want)),
    [true, false, true],
  )
})

test('a token that Nomad does not know is to be bootstrapped with', (t) => {
  const [bootstrap] = declared(acl, server, facts.debian12, {}, given())
  const answer = (status: number, text: string) => {
    const resource = bootstrap as Resource
    const have = resource.type
      .parse(`0 ${status} ${Buffer.from(text).toString('base64')}\n`, [resource])
      .get(resource.id)
    return Unknown.is(have) ? have.why : resource.type.diff(resource.want, have, { changes: () => false })
  }
  t.deepEqual(answer(403, 'ACL token not found'), [{ property: 'state', from: 'absent', to: 'present' }])
  t.deepEqual(answer(403, 'Permission denied'), [{ property: 'state', from: 'absent', to: 'present' }])
  t.deepEqual(answer(200, '{"Name":"Bootstrap Token","Type":"management"}'), [])
  t.is(answer(500, 'No cluster leader'), 'its API answers 500 No cluster leader')
})
