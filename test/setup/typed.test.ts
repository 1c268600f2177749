import test from 'ava'
import {
  addressesProblem,
  listOf,
  namesProblem,
  networkProblem,
  privateIpsProblem,
  serverChoices,
  serversProblem,
  userProblem,
} from '../../core/setup/typed.ts'

test('a list is separated by spaces, commas and line ends', (t) => {
  for (const text of ['a b c', 'a,b,c', ' a, b\nc\n', 'a\r\nb\r\n\tc'])
    t.deepEqual(listOf(text), ['a', 'b', 'c'], JSON.stringify(text))
  t.deepEqual(listOf(' ,\n'), [])
})

const addresses: readonly (readonly [string, string | undefined])[] = [
  ['203.0.113.1', undefined],
  ['203.0.113.1 203.0.113.2 db-1.example.com my_alias', undefined],
  ['2001:db8::1', undefined],
  ['', 'at least one machine'],
  ['203.0.113.300', '203.0.113.300 is no IPv4 address'],
  ['203.0.113', '203.0.113 is no IPv4 address'],
  ['root@203.0.113.1', 'root@203.0.113.1: only 203.0.113.1; the user is a question of its own (--user)'],
  ['203.0.113.1:2222', '203.0.113.1:2222: without the port; --port 2222 gives it for all machines'],
  ['-oProxyCommand=x', '-oProxyCommand=x is no address, DNS name or alias of an ssh configuration'],
  ['-v', '-v is no address, DNS name or alias of an ssh configuration'],
  ['a;reboot', 'a;reboot is no address, DNS name or alias of an ssh configuration'],
  ['$(reboot)', '$(reboot) is no address, DNS name or alias of an ssh configuration'],
  ['a b a', 'a was given twice'],
  ['node.example.com NODE.example.com', 'node.example.com was given twice'],
]
for (const [text, problem] of addresses) {
  test(`addresses: ${JSON.stringify(text)}`, (t) => t.is(addressesProblem(listOf(text)), problem))
}

test('a user', (t) => {
  for (const user of ['root', 'deploy', 'jane.doe', 'u_1']) t.is(userProblem(user), undefined, user)
  for (const user of ['', '-oX', 'a b', 'a;b', 'a\nb']) t.is(userProblem(user), `"${user}" is no user name`)
})

const names: readonly (readonly [string, number, RegExp | undefined])[] = [
  ['node-1 node-2 node-3', 3, undefined],
  ['a', 1, undefined],
  ['node-1 node-2', 3, /^3 names are wanted, one for each machine/],
  ['node-1 node-1', 2, /^node-1 was given twice$/],
  ['Node-1', 1, /^"Node-1" is no DNS label/],
  ['node_1', 1, /no DNS label/],
  ['-a', 1, /no DNS label/],
  ['a-', 1, /no DNS label/],
  ['a'.repeat(64), 1, /no DNS label/],
  ['servers', 1, /^"servers" means something else already$/],
  ['controller', 1, /means something else/],
  ['all', 1, /means something else/],
]
for (const [text, wanted, problem] of names) {
  test(`names: ${text} for ${wanted}`, (t) => {
    const found = namesProblem(listOf(text), wanted)
    if (problem === undefined) t.is(found, undefined)
    else t.regex(found ?? '', problem)
  })
}

test('a network begins at its first address', (t) => {
  for (const network of ['10.33.0.0/16', '192.168.1.0/24', '100.64.0.0/10']) t.is(networkProblem(network), undefined)
  for (const network of ['', '10.33.0.0', '10.33.0.0/33', '10.33.0.256/24', 'fd00::/8', 'x'])
    t.is(networkProblem(network), `"${network}" is no IPv4 network such as 10.33.0.0/16`)
  t.is(networkProblem('10.33.0.2/16'), '10.33.0.2/16: 10.33.0.2 is not the first address of a network of this size')
})

test('private addresses', (t) => {
  t.is(privateIpsProblem(['10.33.0.2', '10.33.0.3'], 2), undefined)
  t.regex(privateIpsProblem(['10.33.0.2'], 2) ?? '', /^2 private addresses are wanted/)
  t.is(privateIpsProblem(['10.33.0.2', 'fd00::1'], 2), '"fd00::1" is no IPv4 address')
  t.is(privateIpsProblem(['10.33.0.2', '10.33.0.2'], 2), '10.33.0.2 was given twice')
})

test('an odd number of servers, and not more than there are machines', (t) => {
  t.deepEqual([1, 2, 3, 4, 9].map(serverChoices), [[1], [1], [1, 3], [1, 3], [1, 3, 5, 7]])
  for (const [text, machines] of [
    ['1', 1],
    ['3', 3],
    ['3', 4],
    ['5', 5],
  ] as const)
    t.is(serversProblem(text, machines), undefined)
  for (const text of ['2', '0', '-1', '1.5', 'x', '']) t.is(serversProblem(text, 4), 'an odd number such as 1, 3')
  t.is(serversProblem('5', 4), 'there are 4 machines')
  t.is(serversProblem('3', 1), 'there is 1 machine')
})
