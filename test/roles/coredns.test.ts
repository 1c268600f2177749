import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { checkSchema } from '../../core/declare/schema-problems.ts'
import { addressesOf } from '../../roles/coredns/ask.ts'
import coredns from '../../roles/coredns/index.ts'
import { declared, facts, found, hosts, input, names } from './fixtures.ts'

for (const [machine, known] of Object.entries(facts)) {
  test(`coredns on ${machine}`, (t) => {
    for (const host of hosts) {
      t.deepEqual(names(declared(coredns, host, known)), [
        'package bind9-dnsutils',
        'user coredns',
        'artifact coredns /usr/local/bin/coredns',
        'directory /etc/coredns',
        'file /etc/coredns/Corefile',
        'file /etc/systemd/system/coredns.service',
        'service coredns.service',
        'ready coredns answers consul.service.consul',
        'ready coredns answers example.com',
      ])
    }
  })
}

const fileOf = (path: string, vars: Record<string, unknown> = {}, host: (typeof hosts)[number] = hosts[0]) => {
  const resource = declared(coredns, host, facts.debian12, vars).find(({ id }) => id === path)
  return { ...resource?.want, text: Buffer.from(resource?.want.content).toString() }
}
const corefile = (vars = {}, host = hosts[0]) => fileOf('/etc/coredns/Corefile', vars, host)
const bare = (text: string) => text.replaceAll(/^ *#.*\n/gm, '')

test('coredns listens on the private address alone, and asks its own agent and upstreams', (t) => {
  t.is(
    bare(corefile().text),
    `consul:53 {
    bind 10.33.0.2
    errors
    forward . 127.0.0.1:8600 {
        max_fails 1
    }
}
.:53 {
    bind 10.33.0.2
    errors
    loop
    forward . 185.12.64.1 185.12.64.2 {
        policy sequential
    }
    cache 30
    health 127.0.0.1:8054
    ready 127.0.0.1:8055
}
`,
  )
  t.is(corefile({}, hosts[1]).text, corefile().text.replaceAll('10.33.0.2', '10.33.0.3'))
  t.like(corefile(), { owner: 'root', group: 'coredns', mode: '0640' })
})

test('coredns takes upstreams, and logs each query of both blocks when asked to', (t) => {
  const text = bare(corefile({ upstreams: ['198.51.100.1', '2001:db8::1'], log: true }).text)
  t.true(text.includes('    forward . 198.51.100.1 2001:db8::1 {\n'), text)
  t.is(text.match(/^ {4}errors\n {4}log$/gm)?.length, 2, text)
})

test('coredns tries a new Corefile in a copy that neither listens where the real one does nor asks anybody', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'coredns-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const { text, validate } = corefile({ log: true })
  writeFileSync(join(directory, 'Corefile'), text)
  const program = 'timeout 2 /usr/local/bin/coredns -conf copy'
  t.true(validate.includes(program), validate)
  const run = (instead: string) =>
    spawnSync('sh', ['-c', validate.replace(program, instead), 'validate', 'Corefile'], { cwd: directory }).status
  t.is(run('(exit 1)'), 1)
  t.is(run('(exit 0)'), 1)
  t.is(run('(exit 124)'), 0)
  t.is(
    bare(readFileSync(join(directory, 'copy'), 'utf8')),
    bare(text)
      .replaceAll(':53', ':0')
      .replaceAll('10.33.0.2', '127.0.0.1')
      .replaceAll(/:805\d/g, ':0')
      .replace('    loop\n', ''),
  )
})

test('coredns tries for ever to start, and restarts on its binary, its unit and its Corefile', (t) => {
  const { text } = fileOf('/etc/systemd/system/coredns.service')
  for (const line of [
    'StartLimitIntervalSec=0',
    'RestartSec=2',
    'Restart=on-failure',
    'Wants=network-online.target',
    'After=network-online.target',
    'User=coredns',
    'CapabilityBoundingSet=CAP_NET_BIND_SERVICE',
    'AmbientCapabilities=CAP_NET_BIND_SERVICE',
    'NoNewPrivileges=true',
    'ProtectSystem=strict',
    'ProtectHome=true',
  ])
    t.true(text.includes(`\n${line}\n`), line)
  const resources = declared(coredns, hosts[0], facts.debian12)
  t.deepEqual(names(resources.find(({ type }) => type.name === 'service')?.want.restartOn), [
    'artifact coredns /usr/local/bin/coredns',
    'file /etc/systemd/system/coredns.service',
    'file /etc/coredns/Corefile',
  ])
})

const header = (status: string) => `;; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: ${status}, id: 4711\n`
const flags = ';; flags: qr rd ra; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 1\n'

/** What dig printed (9.18), its exit status, what we make of it. */
const answers: [title: string, printed: string, dig: number, says: string, status: number][] = [
  [
    'addresses',
    `${header('NOERROR')}${flags}\nconsul.service.consul.\t0\tIN\tA\t10.33.0.3\nconsul.service.consul.\t0\tIN\tA\t10.33.0.2\n`,
    0,
    '10.33.0.3\n10.33.0.2\n',
    0,
  ],
  [
    'an address behind another name',
    `${header('NOERROR')}${flags}\nwww.example.com.\t30\tIN\tCNAME\texample.com.\nexample.com.\t30\tIN\tA\t198.51.100.7\n`,
    0,
    '198.51.100.7\n',
    0,
  ],
  ['no such name', `${header('NXDOMAIN')}${flags}`, 0, 'NXDOMAIN, and no address\n', 1],
  ['an agent that is dead', `${header('SERVFAIL')}${flags}`, 0, 'SERVFAIL, and no address\n', 1],
  ['a name without an address', `${header('NOERROR')}${flags}`, 0, 'NOERROR, and no address\n', 1],
  [
    'a CoreDNS that is down',
    ';; communications error to 10.33.0.2#53: connection refused\n',
    9,
    ';; communications error to 10.33.0.2#53: connection refused\n',
    1,
  ],
  [
    'a CoreDNS that is silent',
    ';; communications error to 10.33.0.2#53: timed out\n;; no servers could be reached\n',
    9,
    ';; communications error to 10.33.0.2#53: timed out\n',
    1,
  ],
]
for (const [title, printed, dig, says, status] of answers) {
  test(`coredns is asked, and the answer is ${title}`, (t) => {
    const script = `dig() { printf %s "$PRINTED"; return ${dig}; }\n${addressesOf('consul.service.consul', '10.33.0.2')}`
    const result = spawnSync('sh', ['-c', script], { env: { ...process.env, PRINTED: printed }, encoding: 'utf8' })
    t.is(result.stderr, '')
    t.deepEqual([result.stdout, result.status], [says, status])
  })
}

test('coredns waits for both kinds of names', (t) => {
  const checks = declared(coredns, hosts[1], facts.debian12, { publicName: 'www.example.com' })
    .filter(({ type }) => type.name === 'ready')
    .map(({ want }) => want.check)
  t.deepEqual(checks, [addressesOf('consul.service.consul', '10.33.0.3'), addressesOf('www.example.com', '10.33.0.3')])
})

const loop = (address: string) =>
  `upstreams[0]: ${address} is the host itself, whose own resolver asks CoreDNS: that would be a loop. Name resolvers of your provider`
const refused: [title: string, vars: Record<string, unknown>, ...messages: string[]][] = [
  [
    'no upstream',
    { upstreams: [] },
    'upstreams: must name at least one resolver: CoreDNS asks nobody else for public names',
  ],
  ['the stub of systemd-resolved', { upstreams: ['127.0.0.53'] }, loop('127.0.0.53')],
  ['loopback', { upstreams: ['::1', '185.12.64.1'] }, loop('::1')],
  ['loopback in disguise', { upstreams: ['::ffff:127.0.0.1'] }, loop('::ffff:127.0.0.1')],
  ['every address', { upstreams: ['0.0.0.0'] }, loop('0.0.0.0')],
  [
    'more than CoreDNS takes',
    { upstreams: Array.from({ length: 16 }, (_, index) => `198.51.100.${index}`) },
    'upstreams: must be 15 at most: CoreDNS takes no more',
  ],
  [
    'a name and a file',
    { upstreams: ['dns.example.com', '/etc/resolv.conf'] },
    'upstreams[0]: must be an IP address, such as 185.12.64.1',
    'upstreams[1]: must be an IP address, such as 185.12.64.1',
  ],
  ['a version that is none', { version: 'v1.14' }, 'version: must be a version such as 1.14.7'],
  [
    'a public name that is an address',
    { publicName: '198.51.100.1' },
    'publicName: must be a name such as example.com',
  ],
  ['a public name that is code', { publicName: 'a.$(id).com' }, 'publicName: must be a name such as example.com'],
]
for (const [title, vars, ...messages] of refused) {
  test(`coredns refuses ${title}`, (t) => {
    t.deepEqual(
      checkSchema(coredns.vars, vars).problems.map(({ message }) => message),
      messages,
    )
  })
}

test('coredns takes fifteen upstreams', (t) => {
  const upstreams = Array.from({ length: 15 }, (_, index) => `198.51.100.${index + 1}`)
  t.deepEqual(checkSchema(coredns.vars, { upstreams }).problems, [])
})

test('coredns keeps a host out whose upstream is a node of the cluster', (t) => {
  const vitals = { skew: 0, timeSynchronised: true }
  t.deepEqual(found(coredns, facts.debian12, vitals), [])
  for (const { name, privateIp } of hosts) {
    t.like(found(coredns, facts.debian12, vitals, { upstreams: ['185.12.64.1', privateIp] }), [
      {
        level: 'error',
        message: `its upstream ${privateIp} is the CoreDNS of ${name}, a node of this cluster: that would be a loop`,
      },
    ])
  }
})

const judged: [check: string, answer: string, status: number, well: boolean][] = [
  ['consul.service.consul', '10.33.0.3\n10.33.0.2', 0, true],
  ['consul.service.consul', '10.33.0.2', 0, false],
  ['consul.service.consul', '10.33.0.2\n10.33.0.3\n10.33.0.4', 0, false],
  ['consul.service.consul', '198.51.100.2\n198.51.100.3', 0, false],
  ['consul.service.consul', ';; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: 1', 1, false],
  ['example.com', '198.51.100.7', 0, true],
  ['example.com', ';; no servers could be reached', 1, false],
  ['is ready', 'OK', 0, true],
  ['is ready', 'forward', 0, false],
  ['is ready', 'curl: (7) Failed to connect', 7, false],
  ['is ready', '', 3, false],
  ['listens privately', 'tcp 10.33.0.2:53\ntcp 127.0.0.1:8054\ntcp 127.0.0.1:8055\nudp 10.33.0.2:53', 0, true],
  ['listens privately', 'tcp *:53\ntcp 127.0.0.1:8054\ntcp 127.0.0.1:8055\nudp *:53', 0, false],
  ['listens privately', 'tcp 10.33.0.2:53\ntcp *:8080\ntcp *:8181\nudp 10.33.0.2:53', 0, false],
  ['listens privately', '', 0, false],
]
for (const [name, answer, status, well] of judged) {
  test(`coredns' health: ${name}: ${JSON.stringify(answer)} (${status}) is ${well ? 'well' : 'bad'}`, (t) => {
    const check = coredns.health(input(coredns, hosts[0], facts.debian12, {})).find((one) => one.name === name)
    t.is(check?.judge(answer, status), well)
  })
}
