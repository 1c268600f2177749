import test from 'ava'
import { checkSchema } from '../../core/declare/schema-problems.ts'
import resolved from '../../roles/resolved/index.ts'
import { declared, facts, found, hosts, input, names } from './fixtures.ts'

const vitals = { skew: 0, timeSynchronised: true }
const path = '/etc/systemd/resolved.conf.d/90-caravan.conf'
const managed = [
  'directory /etc/systemd/resolved.conf.d',
  `file ${path}`,
  'service systemd-resolved.service',
  'ready systemd-resolved answers consul.service.consul',
  'ready systemd-resolved answers example.com',
]
const expected: Record<keyof typeof facts, readonly string[]> = {
  debian12: managed,
  debian13: [],
  ubuntu2204: managed,
  ubuntu2404: managed,
}
for (const [machine, own] of Object.entries(expected)) {
  test(`resolved on ${machine}`, (t) => {
    const known = facts[machine as keyof typeof facts]
    for (const host of hosts) t.deepEqual(names(declared(resolved, host, known)), own)
    t.is(known.resolved, own.length > 0)
  })
}

test('resolved asks the CoreDNS of its own node, and listens for nobody else', (t) => {
  for (const host of hosts) {
    const resources = declared(resolved, host, facts.debian12)
    const text = Buffer.from(resources.find(({ id }) => id === path)?.want.content).toString()
    t.is(
      text.replaceAll(/^#.*\n/gm, ''),
      `[Resolve]
DNS=
DNS=${host.privateIp}
Domains=
Domains=~consul
DNSSEC=no
LLMNR=no
MulticastDNS=no
`,
    )
    const service = resources.find(({ type }) => type.name === 'service')
    t.deepEqual(names(service?.want.restartOn), [`file ${path}`])
  }
})

test('resolved waits for both kinds of names, and starts nothing by asking', (t) => {
  const checks = declared(resolved, hosts[0], facts.ubuntu2204, { publicName: 'www.example.com' })
    .filter(({ type }) => type.name === 'ready')
    .map(({ want }) => want.check)
  const running = 'systemctl -q is-active systemd-resolved.service'
  t.deepEqual(checks, [
    `${running} && resolvectl query --legend=no consul.service.consul`,
    `${running} && resolvectl query --legend=no www.example.com`,
  ])
})

test('resolved warns where it manages nothing, until that is said to be right', (t) => {
  const external = { resolver: 'external' }
  t.deepEqual(found(resolved, facts.debian12, vitals), [])
  t.like(found(resolved, facts.debian13, vitals), [
    {
      level: 'warning',
      message: 'programs of the host do not know names of Consul: systemd-resolved is not installed',
    },
  ])
  t.deepEqual(found(resolved, facts.debian13, vitals, external), [])
  t.deepEqual(declared(resolved, hosts[0], facts.debian12, external), [])
  t.deepEqual(resolved.health(input(resolved, hosts[0], facts.debian12, external)), [])
})

for (const [vars, message] of [
  [{ publicName: '10.33.0.2' }, 'publicName: must be a name such as example.com'],
  [{ publicName: 'localhost' }, 'publicName: must be a name such as example.com'],
  [{ resolver: 'dnsmasq' }, 'resolver: Invalid option: expected one of "systemd-resolved"|"external"'],
] as const) {
  test(`resolved refuses ${JSON.stringify(vars)}`, (t) => {
    t.deepEqual(
      checkSchema(resolved.vars, vars).problems.map((problem) => problem.message),
      [message],
    )
  })
}

// as resolvectl 252 and getent print them
const both = `consul.service.consul: 10.33.0.3
                       10.33.0.2`
const streams = ['10.33.0.2       STREAM consul.service.consul', '10.33.0.2       DGRAM', '10.33.0.3       STREAM']
const judged: [check: string, answer: string, status: number, well: boolean][] = [
  ['resolvectl: consul.service.consul', both, 0, true],
  ['resolvectl: consul.service.consul', 'consul.service.consul: 10.33.0.3', 0, false],
  ['resolvectl: consul.service.consul', "consul.service.consul: resolve call failed: 'x' not found", 1, false],
  ['resolvectl: consul.service.consul', 'systemd-resolved is not installed', 0, true],
  ['getent: consul.service.consul', streams.join('\n'), 0, true],
  ['getent: consul.service.consul', streams.slice(0, 2).join('\n'), 0, false],
  ['getent: consul.service.consul', '', 2, false],
  ['getent: example.com', '198.51.100.7    example.com', 0, true],
  ['getent: example.com', '', 2, false],
]
for (const [name, answer, status, well] of judged) {
  test(`resolved's health: ${name}: ${JSON.stringify(answer)} (${status}) is ${well ? 'well' : 'bad'}`, (t) => {
    const check = resolved.health(input(resolved, hosts[0], facts.debian12, {})).find((one) => one.name === name)
    t.is(check?.judge(answer, status), well)
  })
}
