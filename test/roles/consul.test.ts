import test from 'ava'
import type { Cluster, Host } from '../../core/declare/host.ts'
import type { Resource } from '../../core/declare/resource.ts'
import { Secret } from '../../core/secrets/secret.ts'
import acl from '../../roles/consul/acl.ts'
import consul from '../../roles/consul/index.ts'
import { byId, declared, facts, found, host, type More, names, releasesOf, secretsOf, textOf } from './fixtures.ts'

const servers = [host('node-1', '10.33.0.2', 0), host('node-2', '10.33.0.3', 1), host('node-3', '10.33.0.4', 2)]
const server = servers[0] as Host
const client = host('node-4', '10.33.0.5', 3, [])
const cluster: Cluster = { name: 'caravan', datacenter: 'dc1', network: '10.33.0.0/16', expose: 'private' }
const given = (more: More = {}, version = '1.16.6'): More => ({
  hosts: [...servers, client],
  cluster,
  secrets: secretsOf(consul.secrets),
  releases: releasesOf(version),
  ...more,
})
const on = (own: Host, more: More = given(), vars: Record<string, unknown> = {}) =>
  declared(consul, own, facts.debian12, vars, more)

const agent = [
  'directory /etc/consul.d',
  'directory /etc/consul.d/tls',
  'directory /opt/consul',
  'file /etc/consul.d/tls/ca.pem',
  'certificate /etc/consul.d/tls/agent.pem',
  'file /etc/consul.d/consul.hcl',
  'file /etc/consul.d/consul-join.hcl',
  'file /etc/consul.d/consul-tokens.hcl',
  'file /etc/consul.d/settings.json',
  'file /etc/systemd/system/consul.service',
  'service consul.service',
  'ready consul has read its tokens',
  'ready consul shows its certificate',
]
const tools = ['package curl', 'package openssl', 'package bind9-dnsutils', 'user consul']
const release = [...tools, 'artifact consul /usr/local/bin/consul', ...agent]

for (const [machine, known] of Object.entries(facts)) {
  for (const version of ['1.16.1', '1.16.6', '1.21.5']) {
    for (const expose of ['private', 'management'] as const) {
      test(`consul ${version} on ${machine}, ${expose}: the same resources for a server and a client`, (t) => {
        const more = given({ cluster: { ...cluster, expose } }, version)
        for (const own of [server, client]) t.deepEqual(names(declared(consul, own, known, {}, more)), release)
      })
    }
  }
}

test('a server expects all servers, and looks for the others; a client looks for all, and expects nobody', (t) => {
  const join = (own: Host) => textOf(on(own), '/etc/consul.d/consul-join.hcl')
  t.regex(join(server), /^retry_join = \["10\.33\.0\.3", "10\.33\.0\.4"\]$/m)
  t.regex(join(server), /^bootstrap_expect = 3$/m)
  t.regex(join(client), /^retry_join = \["10\.33\.0\.2", "10\.33\.0\.3", "10\.33\.0\.4"\]$/m)
  t.false(join(client).includes('bootstrap_expect'))
  t.regex(textOf(on(server), '/etc/consul.d/consul.hcl'), /^server +\s= true$/m)
  t.regex(textOf(on(client), '/etc/consul.d/consul.hcl'), /^server +\s= false$/m)
})

test('a host that joins later changes nothing that other agents start from', (t) => {
  const later = given({ hosts: [...servers, client, host('node-5', '10.33.0.6', 4, [])] })
  const fifth = given({ hosts: [...servers, client, host('node-5', '10.33.0.6', 4)] })
  for (const own of [server, client]) {
    for (const more of [later, fifth]) {
      const changed = names(on(own, more)).filter((_, index) => {
        const [before, after] = [on(own)[index], on(own, more)[index]]
        return before?.type.name === 'file' && textOf([before], before.id) !== textOf([after as Resource], before.id)
      })
      t.deepEqual(changed, more === later ? [] : ['file /etc/consul.d/consul-join.hcl'])
    }
  }
})

test('one server alone has nobody to find, so that its unit does not wait for that', (t) => {
  const unit = (hosts: readonly Host[]) =>
    textOf(on(server, given({ hosts })), '/etc/systemd/system/consul.service').match(/^Type=.*$/m)?.[0]
  t.is(unit([server]), 'Type=exec')
  t.is(unit([server, client]), 'Type=exec', 'a client is nobody that a server looks for')
  t.is(unit(servers), 'Type=notify')
})

test('it restarts on what it reads at start, and reloads on what it reads again', (t) => {
  const { want } = byId(on(server), 'consul.service')
  t.deepEqual(names(want.restartOn), [
    'artifact consul /usr/local/bin/consul',
    'file /etc/systemd/system/consul.service',
    'file /etc/consul.d/consul.hcl',
    'file /etc/consul.d/settings.json',
  ])
  t.deepEqual(names(want.reloadOn), [
    'file /etc/consul.d/tls/ca.pem',
    'certificate /etc/consul.d/tls/agent.pem',
    'file /etc/consul.d/consul-tokens.hcl',
  ])
  t.like(want, { enabled: true, running: true, noBlock: true })
})

test('tokens: the one for DNS by the version, the one that makes all others on servers alone', (t) => {
  const keys = (own: Host, version: string) =>
    [...textOf(on(own, given({}, version)), '/etc/consul.d/consul-tokens.hcl').matchAll(/^ {4}(\w+) = "5ec2e7/gm)].map(
      ([, key]) => key,
    )
  t.deepEqual(keys(server, '1.16.6'), ['agent', 'default', 'initial_management'])
  t.deepEqual(keys(client, '1.16.6'), ['agent', 'default'])
  t.deepEqual(keys(server, '1.17.0'), ['agent', 'dns', 'initial_management'])
  t.deepEqual(keys(client, '1.21.5'), ['agent', 'dns'])
})

test('what proves a reload changes with every token and the CA, and with nothing else', (t) => {
  const check = (more: More) => byId(on(server, more), 'consul has read its tokens').want.check
  const generation = (more: More) => / (\d+) /.exec(check(more).slice(check(more).indexOf('grep')))?.[1]
  const kinds = consul.secrets
  const renewed = (name: string): More => {
    const secrets = secretsOf(kinds)
    const value = (asked: string) => (asked === name ? Secret.of(name, 'another-token') : secrets.value(asked))
    return given({ secrets: { ...secrets, value } })
  }
  const now = generation(given())
  t.regex(now ?? '', /^\d+$/)
  t.true(textOf(on(server), '/etc/consul.d/consul-tokens.hcl').includes(`retry = ${now}\n`))
  for (const name of ['consul-agent-token', 'consul-dns-token', 'consul-management-token'])
    t.not(generation(renewed(name)), now, name)
  for (const name of ['consul-gossip-key', 'consul-nomad-token']) t.is(generation(renewed(name)), now, name)
})

test('a certificate has the names by which an agent is called', (t) => {
  const certificateOf = (own: Host, expose: Cluster['expose'] = 'private') => {
    const {
      subject,
      names: own_,
      owner,
      mode,
    } = byId(on(own, given({ cluster: { ...cluster, expose } })), '/etc/consul.d/tls/agent.pem').want
    return { subject, names: own_, owner, mode }
  }
  const all = ['localhost', '127.0.0.1']
  const ours = { owner: 'consul', mode: '0640' }
  t.deepEqual(certificateOf(server), {
    ...ours,
    subject: 'server.dc1.consul',
    names: ['server.dc1.consul', 'node-1.server.dc1.consul', ...all, '10.33.0.2'],
  })
  t.deepEqual(certificateOf(client), {
    ...ours,
    subject: 'client.dc1.consul',
    names: ['client.dc1.consul', ...all, '10.33.0.5'],
  })
  t.true(certificateOf(server, 'management').names.includes('node-1.example.com'))
  t.deepEqual(
    certificateOf({ ...client, address: 'an_alias' }, 'management').names,
    certificateOf(client).names,
    'an alias of an ssh configuration is no DNS name',
  )
})

const listening: [expose: Cluster['expose'], publicInterface: string | undefined, addresses: string, port: number][] = [
  ['private', 'eth0', '"127.0.0.1 10.33.0.2"', 8501],
  ['management', 'eth0', '"10.33.0.2 {{ GetInterfaceIP \\"^eth0$\\" }}"', 8500],
  ['management', undefined, '"10.33.0.2"', 8500],
]
for (const [expose, publicInterface, addresses, port] of listening) {
  test(`TLS listens on ${addresses}, ${port}, for ${expose}`, (t) => {
    const known = { ...facts.debian12, publicInterface }
    const resources = declared(consul, server, known, {}, given({ cluster: { ...cluster, expose } }))
    const config = textOf(resources, '/etc/consul.d/consul.hcl')
    t.true(config.includes(`  https = ${addresses}\n`), config)
    t.true(config.includes(`  https    = ${port}\n`))
    t.true(config.includes('client_addr          = "127.0.0.1"\n'))
    t.true(byId(resources, 'consul shows its certificate').want.check.includes(`-connect 10.33.0.2:${port} `))
  })
}

test('secrets stand in two files that only consul reads, and each file is tried before it is installed', (t) => {
  const resources = on(server).filter(({ id, type }) => type.name === 'file' && id.startsWith('/etc/consul.d/'))
  const secret = resources.filter(({ want }) => want.content instanceof Secret).map(({ id }) => id)
  t.deepEqual(secret, ['/etc/consul.d/consul-join.hcl', '/etc/consul.d/consul-tokens.hcl'])
  for (const { id, want } of resources) {
    t.like(want, { owner: 'consul', group: 'consul', mode: '0640' }, id)
    if (!id.endsWith('.pem')) t.regex(want.validate, /^\/usr\/local\/bin\/consul validate -quiet "\$\{1%\/\*\}"$/)
  }
  t.deepEqual(byId(resources, '/etc/consul.d/consul-tokens.hcl').want.siblings, [
    '/etc/consul.d/consul.hcl',
    '/etc/consul.d/consul-join.hcl',
  ])
})

test('settings of a person are a file of their own, that is read last', (t) => {
  const settings = { log_level: 'DEBUG' }
  t.deepEqual(JSON.parse(textOf(on(server, given(), { settings }), '/etc/consul.d/settings.json')), settings)
})

test('from apt: the package in its version, held, and the program where it puts it', (t) => {
  const noReleases: More = given({ releases: () => t.fail() as never })
  const error = (vars: Record<string, unknown>) =>
    t.throws(() => on(server, noReleases, { from: 'apt', ...vars }))?.message
  t.is(error({}), 'consul from apt needs a version')
  t.is(error({ version: '1.16.6' }), 'consul from apt needs aptKey, the file of its key')
  t.regex(error({ version: '1.16.6', aptKey: '/dev/null' }) ?? '', /its key cannot be used|has the fingerprint/)
  t.deepEqual(consul.products(consul.vars.parse({ from: 'apt', version: '1.16.6' })), {}, 'no release is asked for')
  t.deepEqual(consul.products(consul.vars.parse({ version: '1.16.6' })), { consul: '1.16.6' })
})

const evenly: [servers: number, warns: boolean][] = [
  [1, false],
  [2, true],
  [3, false],
  [4, true],
]
for (const [count, warns] of evenly) {
  test(`${count} servers: ${warns ? 'a warning, told by one' : 'no warning'}`, (t) => {
    const hosts = Array.from({ length: count }, (_, slot) => host(`node-${slot + 1}`, `10.33.0.${slot + 2}`, slot))
    const findings = found(consul, facts.debian12, { skew: 0, timeSynchronised: true }, {}, given({ hosts }))
    t.deepEqual(
      findings.map(({ level, message }) => `${level}: ${message}`),
      warns
        ? [`warning: the group servers has ${count} hosts, and an even number bears no more failures than one less`]
        : [],
    )
  })
}

test('policies and tokens are of the whole cluster, on servers; every agent then answers names', (t) => {
  const granted = ['agent', 'dns', 'nomad'].flatMap((name) => [
    `http consul policy caravan-${name}`,
    `http consul token caravan-${name}`,
  ])
  const resources = declared(acl, server, facts.debian12, {}, given())
  t.deepEqual(names(resources), [...granted, 'ready consul answers names'])
  t.deepEqual(names(resources.filter(({ one }) => one)), granted)
  t.deepEqual(names(declared(acl, client, facts.debian12, {}, given())), ['ready consul answers names'])
  for (const { want } of resources.filter(({ one }) => one))
    t.like(want, { url: 'http://127.0.0.1:8500', tokenHeader: 'X-Consul-Token' })
})

test('a token has its value, its identity and its one policy; what is there is changed in place', (t) => {
  const { type, want } = byId(declared(acl, server, facts.debian12, {}, given()), 'consul token caravan-dns')
  const body = {
    SecretID: want.want.SecretID.reveal(),
    Description: 'Answers to DNS',
    Policies: [{ ID: 'x', Name: 'caravan-dns' }],
  }
  const differs = (changed: object) =>
    type.diff(want, { kind: 'present', body: { ...body, ...changed } }, { changes: () => false }).length
  t.is(differs({}), 0)
  t.is(differs({ Policies: [] }), 1)
  t.is(differs({ Policies: [{ Name: 'caravan-dns' }, { Name: 'global-management' }] }), 1)
  t.is(differs({ SecretID: 'another' }), 1)
  const accessor = 'ca7a7a00-0000-4000-8000-000000000002'
  t.like(want.apply({ kind: 'absent' }), { method: 'PUT', path: '/v1/acl/token', body: { AccessorID: accessor } })
  t.is(want.apply({ kind: 'present', body: { AccessorID: accessor } }).path, `/v1/acl/token/${accessor}`)
  t.is(want.apply(undefined).path, '/v1/acl/token')
})
