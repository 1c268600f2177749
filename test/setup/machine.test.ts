import test from 'ava'
import { ProbeError } from '../../core/errors.ts'
import { parseMachine } from '../../core/setup/machine.ts'
import { proposedNames } from '../../core/setup/names.ts'
import { addressesIn, likeliestNetwork, privateProblems } from '../../core/setup/private-network.ts'
import { host } from '../remote/hosts.ts'
import { machine, printed } from './machines.ts'

const parse = (text: string) => parseMachine(text, host('203.0.113.11', '203.0.113.11'))

test('a machine: its name, its facts, and the interfaces that could be private', (t) => {
  const docker = [
    'address docker0 172.17.0.1',
    'bridge docker0',
    'address br0 10.9.0.1',
    'bridge br0',
    'address cni0 10.8.0.1',
  ]
  const { hostname, facts, interfaces } = parse(printed({ lines: docker }))
  t.is(hostname, 'node-1')
  t.deepEqual([facts.os.id, facts.os.version, facts.cpus, facts.publicInterface], ['debian', '12', 4, 'eth0'])
  t.deepEqual(interfaces, [
    { name: 'eth0', address: '203.0.113.11', networks: [] },
    { name: 'enp7s0', address: '10.33.0.2', networks: ['10.33.0.0/16'] },
  ])
})

test('what is no Debian says so, and garbage is no machine', (t) => {
  const error = t.throws(() => parse(printed({ os: 'alpine 3.20 -' })), { instanceOf: ProbeError })
  t.is(error?.message, 'it runs alpine 3.20')
  t.throws(() => parse('Welcome!\n'), { instanceOf: ProbeError, message: /did not tell/ })
})

test('names are the own ones where all can be used', (t) => {
  t.deepEqual(proposedNames(['node-a', 'Node-B.example.com']), ['node-a', 'node-b'])
  for (const unusable of [
    ['a', 'a'],
    ['a', 'localhost'],
    ['a', ''],
    ['a', 'x_y'],
    ['a', 'servers'],
    ['a', '\u001b[2J'],
  ])
    t.deepEqual(proposedNames(unusable), ['node-1', 'node-2'], JSON.stringify(unusable))
})

const hetzner = (last: number) =>
  machine(`203.0.113.${last}`, [`eth0 203.0.113.${last}`, `enp7s0 10.33.0.${last} 10.33.0.0/16`])

const networks: Readonly<Record<string, readonly [readonly ReturnType<typeof machine>[], string | undefined]>> = {
  'the usual one': [[hetzner(2), hetzner(3)], '10.33.0.0/16'],
  'another one': [
    [
      machine('a', ['eth0 203.0.113.2', 'eth1 10.0.1.2 10.0.0.0/8 10.0.1.0/24']),
      machine('b', ['eth0 203.0.113.3', 'eth1 10.0.2.2 10.0.0.0/8 10.0.2.0/24']),
    ],
    '10.0.0.0/8',
  ],
  'the usual one before a VPN': [
    [
      machine('a', ['eth0 203.0.113.2', 'tailscale0 100.64.0.1 100.64.0.0/10', 'enp7s0 10.33.0.2 10.33.0.0/16']),
      machine('b', ['eth0 203.0.113.3', 'tailscale0 100.64.0.2 100.64.0.0/10', 'enp7s0 10.33.0.3 10.33.0.0/16']),
    ],
    '10.33.0.0/16',
  ],
  'what all have, before what is usual': [
    [
      machine('a', ['eth0 203.0.113.2', 'wg0 10.33.0.2 10.33.0.0/24', 'eth1 192.168.7.2 192.168.7.0/24']),
      machine('b', ['eth0 203.0.113.3', 'eth1 192.168.7.3 192.168.7.0/24']),
    ],
    '192.168.7.0/24',
  ],
  'one behind an interface of its own, before that of the default route': [
    [
      machine('a', ['eth0 192.168.1.2 192.168.1.0/24', 'eth1 192.168.7.2 192.168.7.0/24']),
      machine('b', ['eth0 192.168.1.3 192.168.1.0/24', 'eth1 192.168.7.3 192.168.7.0/24']),
    ],
    '192.168.7.0/24',
  ],
  'the only one, though it is that of the default route': [
    [machine('a', ['eth0 192.168.1.2 192.168.1.0/24']), machine('b', ['eth0 192.168.1.3 192.168.1.0/24'])],
    '192.168.1.0/24',
  ],
  none: [[machine('a', ['eth0 203.0.113.2 203.0.113.0/24'])], undefined],
}
for (const [title, [machines, network]] of Object.entries(networks)) {
  test(`the likeliest private network: ${title}`, (t) => t.is(likeliestNetwork(machines), network))
}

test('the addresses of a machine in a network', (t) => {
  const one = machine('a', ['eth0 10.33.9.9 10.33.9.0/24', 'enp7s0 10.33.0.2', 'eth2 192.168.0.2', 'eth3 203.0.113.5'])
  t.deepEqual(
    addressesIn(one, '10.33.0.0/16').map(({ name }) => name),
    ['eth0', 'enp7s0'],
  )
  t.deepEqual(addressesIn(one, '203.0.113.0/24'), [])
})

test('what is wrong with private addresses, for every machine that it is wrong with', (t) => {
  const [a, b, c] = [hetzner(2), hetzner(3), machine('203.0.113.4', ['eth0 203.0.113.4'])]
  const problems = (...addresses: (string | undefined)[]) =>
    privateProblems([a, b, c].slice(0, addresses.length), addresses, '10.33.0.0/16').map(
      ({ message, details }) => `${details.host}: ${message} (${details.hint})`,
    )
  t.deepEqual(problems('10.33.0.2', '10.33.0.3'), [])
  t.deepEqual(problems('10.33.0.2', '10.33.0.3', undefined), [
    '203.0.113.4: no interface has an address in the private network 10.33.0.0/16 (it has no private address at all) (attach the machine to the network, or give another network (--network))',
  ])
  t.deepEqual(problems('10.33.0.2', '10.33.0.2'), [
    '203.0.113.3: it has the private address of 203.0.113.2: 10.33.0.2 (name each machine once, and give each an address of its own: is one a copy of the other?)',
  ])
  t.deepEqual(problems('10.33.0.3', '10.33.0.9'), [
    '203.0.113.2: no interface has the address 10.33.0.3 (enp7s0 10.33.0.2) (give the private addresses in the order of the machines (--private-ips))',
    '203.0.113.3: no interface has the address 10.33.0.9 (enp7s0 10.33.0.3) (give the private addresses in the order of the machines (--private-ips))',
  ])
})
