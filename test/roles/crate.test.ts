import test from 'ava'
import type { Host } from '../../core/declare/host.ts'
import type { Resource } from '../../core/declare/resource.ts'
import { Secret } from '../../core/secrets/secret.ts'
import { crateHealth } from '../../roles/crate/health.ts'
import crate from '../../roles/crate/index.ts'
import { facts, names, hosts as two } from './fixtures.ts'

const hosts: readonly Host[] = [...two, { ...two[1], name: 'node-3', privateIp: '10.33.0.4', slot: 2 }]
const [first] = hosts as [Host]

const secrets = { value: (name: string) => Secret.of(name, 'x1'), ca: () => undefined as never }

const declared = (vars: Record<string, unknown> = {}, nomad = '1.6.1', all = hosts): readonly Resource[] =>
  crate.resources({
    host: { ...first, facts: facts.debian12 },
    hosts: all,
    cluster: { name: 'caravan', datacenter: 'dc1', network: '10.33.0.0/16', expose: 'private' },
    vars: crate.vars.parse(vars),
    secrets,
    releases: (product) => ({ product, version: nomad, url: '', sha256: '', by: 'host' }),
  })
const hcl = (...input: Parameters<typeof declared>): string => declared(...input)[0]?.want.hcl
const lineOf = (text: string, pattern: RegExp): string =>
  text
    .split('\n')
    .find((line) => pattern.test(line))
    ?.trim() ?? ''

test('one job, its deployment, and one user of the whole cluster', (t) => {
  const resources = declared()
  t.deepEqual(names(resources), ['nomadJob crate', 'nomadDeployment crate is deployed', 'crateUser admin'])
  t.true(resources.every(({ one }) => one))
  t.deepEqual(names(declared({ authentication: 'none' })), ['nomadJob crate', 'nomadDeployment crate is deployed'])
  t.is(resources[1]?.want.within, 3000)
})

test('the job is of the vars alone: a fourth host changes nothing of it', (t) => {
  t.is(hcl({}, '1.6.1', [...hosts, { ...first, name: 'node-4', slot: 3 }]), hcl())
})

test('initial masters are slots 0 to 2 for ever; recovery waits for all, or for most', (t) => {
  const four = [...hosts, { ...first, name: 'node-4', slot: 3 }]
  for (const [nodes, masters, most] of [
    [1, 'crate-0', 1],
    [3, 'crate-0,crate-1,crate-2', 2],
    [4, 'crate-0,crate-1,crate-2', 3],
  ] as const) {
    const text = hcl({ nodes }, '1.6.1', four)
    t.is(lineOf(text, /initial_master_nodes/), `"-Ccluster.initial_master_nodes=${masters}",`)
    t.is(lineOf(text, /expected_data_nodes/), `"-Cgateway.expected_data_nodes=${nodes}",`)
    t.is(lineOf(text, /recover_after_data_nodes/), `"-Cgateway.recover_after_data_nodes=${most}",`)
  }
})

test('a node that was cut off comes back to its data, in the words of each version of Nomad', (t) => {
  t.is(lineOf(hcl(), /disconnect/), 'max_client_disconnect = "24h"')
  t.is(lineOf(hcl({}, '1.7.7'), /disconnect/), 'max_client_disconnect = "24h"')
  for (const version of ['1.8.0', '1.10.5', '2.0.5']) {
    t.is(lineOf(hcl({}, version), /disconnect/), 'disconnect {')
    t.notRegex(hcl({}, version), /max_client_disconnect/)
  }
})

test('only the superuser is trusted, and only from within; or nobody is asked', (t) => {
  const settings = (text: string) =>
    text
      .split('\n')
      .filter((line) => line.includes('-Cauth.'))
      .map((line) => line.trim())
  t.deepEqual(settings(hcl()), [
    '"-Cauth.host_based.enabled=true",',
    '"-Cauth.host_based.config.0.user=crate",',
    '"-Cauth.host_based.config.0.address=_local_",',
    '"-Cauth.host_based.config.0.method=trust",',
    '"-Cauth.host_based.config.99.method=password",',
  ])
  t.deepEqual(settings(hcl({ authentication: 'none' })), [])
})

test('names, sizes, settings and limits are those of the vars', (t) => {
  const text = hcl({
    discoService: 'db-disco',
    heap: '2g',
    memory: 8192,
    image: 'registry.example.com/crate:6.4.3',
    volume: 'db',
    settings: { 'gateway.expected_data_nodes': 9, 'node.attr.zone': 'a "b" $(id)' },
    ulimits: {},
    shutdownDelay: 3,
  })
  for (const line of [
    '"-Cdiscovery.srv.query=db-disco.service.dc1.consul.",',
    'CRATE_HEAP_SIZE = "2g"',
    'image = "registry.example.com/crate:6.4.3"',
    'source    = "db"',
    '"-Cgateway.expected_data_nodes=9",',
    '"-Cnode.attr.zone=a \\"b\\" $(id)",',
    'shutdown_delay = "3s"',
  ])
    t.true(text.includes(line), line)
  t.notRegex(text, /ulimit|expected_data_nodes=3|log4j2/)
  t.is(lineOf(hcl(), /nofile/), 'nofile = "262144:262144"')
})

test('trace mounts a file that logs discovery', (t) => {
  const text = hcl({ trace: true })
  t.regex(text, /volumes = \["local\/log4j2.properties:\/crate\/config\/log4j2.properties"\]/)
  t.regex(text, /data {8}= ".*logger.discovery.level = trace\\n/)
})

test('what is raised to try once more is changed in place', (t) => {
  t.deepEqual(
    hcl({ attempt: 2 })
      .split('\n')
      .filter((line) => !hcl().includes(line)),
    ['        attempt = "2"'],
  )
})

test('a deployment is given up soon after its node did not get well, but not before it could have stopped', (t) => {
  t.is(lineOf(hcl(), /kill_timeout/), 'kill_timeout = "300s"')
  t.is(lineOf(hcl(), /progress_deadline/), 'progress_deadline = "960s"')
  t.is(lineOf(hcl({ healthyDeadline: 20 }), /progress_deadline/), 'progress_deadline = "360s"')
})

test('nodes are looked at one by one', (t) => {
  t.regex(hcl(), /constraint \{\n\s+attribute = "\$\{attr\.unique\.network\.ip-address\}"\n\s+operator {2}= "is_set"/)
})

test('more nodes than slots', (t) => {
  t.throws(() => declared({ nodes: 5 }), { message: 'crate has 5 nodes, and no host has slot 3, 4' })
  t.throws(() => declared({}, '1.6.1', hosts.slice(1)), { message: 'crate has 3 nodes, and no host has slot 0' })
})

const REFUSED: readonly [vars: Record<string, unknown>, message: RegExp][] = [
  [{ heap: '5g' }, /must leave a quarter of the memory \(4096 MiB\) to what is not heap: 3072m at most/],
  [{ heap: '800m', memory: 1024 }, /768m at most/],
  [{ heap: '1' }, /a size such as/],
  [{ nodes: 0 }, /Too small/],
  [{ adminUser: 'crate' }, /and not crate/],
  [{ adminUser: 'a"; DROP' }, /small letters/],
  [{ discoService: 'a.b' }, /a DNS label/],
  [{ settings: { 'a b': 1 } }, /the name of a setting/],
  [{ ulimits: { nofile: 'many' } }, /SOFT:HARD/],
  [{ image: '--privileged' }, /the name of an image/],
]
for (const [vars, message] of REFUSED)
  test(`refused: ${JSON.stringify(vars)}`, (t) => void t.throws(() => crate.vars.parse(vars), { message }))
test('a heap of three quarters is as much as there may be', (t) => {
  t.notThrows(() => crate.vars.parse({ heap: '3g', memory: 4096 }))
})

const asked = (host: Host, nodes = 3) =>
  crate.health({
    host,
    hosts,
    cluster: { name: 'c', datacenter: 'dc1', network: '10.0.0.0/8', expose: 'private' },
    vars: crate.vars.parse({ nodes }),
    secrets,
  })

test('a host without a node of CrateDB is asked nothing', (t) => {
  t.is(asked(first).length, 7)
  t.deepEqual(asked({ ...first, slot: undefined }), [])
  t.deepEqual(asked({ ...first, slot: 3 }), [])
})

const ANSWERS: readonly [check: string, good: string, bad: readonly string[]][] = [
  ['one node runs here', '1', ['0', '2', '']],
  ['all nodes run', '3', ['2', '', '33']],
  ['answers by the address that others use', '401', ['503', '000', '']],
  ['sees all nodes', '3', ['2', '{"error":{}}', 'curl: (7)', '']],
  ['health of tables', '0', ['1', '{"rows":[]}', '']],
  ['checks of nodes', '0', ['1', 'null']],
  ['master', '"abc"', ['null', '{}', '']],
]
for (const [name, good, bad] of ANSWERS)
  test(`health: ${name}`, (t) => {
    const check = crateHealth('crate', 3, secrets).find((one) => one.name === name)
    t.true(check?.judge(good, 0))
    for (const answer of bad) t.false(check?.judge(answer, 0), answer)
  })
