import test from 'ava'
import { z } from 'zod'
import { parseInventory } from '../../core/declare/inventory.ts'
import { defineRole } from '../../core/declare/role.ts'
import { InventoryError } from '../../core/errors.ts'

const role = defineRole(
  'docker',
  z.strictObject({
    logMaxSize: z.string().default('50m'),
    files: z.int().default(3),
    nested: z.strictObject({ deep: z.string() }).optional(),
  }),
  () => [],
)
const options = { roles: [role], roleNames: ['base', 'docker'] }
const parse = (text: string, more = {}) => parseInventory(text, 'inventory.yaml', { ...options, ...more })

const good = `
cluster: { network: 10.33.0.0/16 }
vars:
  docker: { logMaxSize: 1m, files: 1 }
groups:
  servers: { hosts: [node-1], vars: { docker: { files: 2 } } }
hosts:
  node-1: { address: node-1.example.com, privateIp: 10.33.0.2, slot: 0, identityFile: keys/id, vars: { docker: { logMaxSize: 3m } } }
  node-2: { address: node-2.example.com, privateIp: 10.33.0.3, slot: 1, hostKeys: ["ssh-ed25519 AAAA"] }
`

test('hosts get their groups, defaults and merged vars: all < group < host < command line', (t) => {
  const { hosts, cluster, groups } = parse(good)
  t.deepEqual(cluster, { name: 'caravan', datacenter: 'dc1', network: '10.33.0.0/16', expose: 'private' })
  t.deepEqual(groups, { servers: ['node-1'] })
  t.deepEqual(hosts[0]?.groups, ['servers'])
  t.deepEqual(hosts[0]?.vars, { docker: { logMaxSize: '3m', files: 2 } })
  t.deepEqual(hosts[1]?.vars, { docker: { logMaxSize: '1m', files: 1 } })
  t.regex(hosts[0]?.ssh.identityFile ?? '', /^\/.*\/keys\/id$/)
  const overridden = parse(good, { overrides: [{ role: 'docker', key: 'files', value: 9 }] })
  t.deepEqual(overridden.hosts[0]?.vars, { docker: { logMaxSize: '3m', files: 9 } })
})

test('versions and downloads: what is left out has its default', (t) => {
  const { versions, downloads } = parse(good)
  t.deepEqual(versions, { set: 'current' })
  t.deepEqual(downloads, { by: 'host', keys: {} })
  const key = 'c874 011f 0ab4 0511 0d02  1055 3436 5d94 72d7 468f'
  const given = parse(
    `versions: { set: seed, nomad: 1.6.10, cni-plugins: '1.9.1' }
downloads: { mirror: 'http://127.0.0.1:8080/files/', by: controller, keys: { hashicorp: ${key} } }${good}`,
  )
  t.deepEqual(given.versions, { set: 'seed', nomad: '1.6.10', 'cni-plugins': '1.9.1' })
  t.deepEqual(given.downloads, {
    mirror: 'http://127.0.0.1:8080/files/',
    by: 'controller',
    keys: { hashicorp: key },
  })
})

const host = 'address: a.example.com, privateIp: 10.33.0.2'

const bad: [title: string, text: string, ...messages: (string | RegExp)[]][] = [
  ['a tab', 'hosts:\n\tnode-1: {}', /^inventory\.yaml:2:1: Tabs are not allowed as indentation/],
  ['an empty file', '', /^inventory\.yaml:1:1: .*expected object/],
  ['a list', '- a', /^inventory\.yaml:1:1: .*expected object/],
  ['no hosts', 'hosts: {}', 'inventory.yaml:1:8: hosts: must name at least one host'],
  [
    'an unknown key',
    `hosts:\n  a: { ${host}, adress: x }`,
    'inventory.yaml:2:54: unknown key "adress" (did you mean "address"?)',
  ],
  [
    'an unknown top key',
    `host: 1\nhosts:\n  a: { ${host} }`,
    'inventory.yaml:1:1: unknown key "host" (did you mean "hosts"?)',
  ],
  [
    'management without a firewall',
    `cluster: { expose: management }\nhosts:\n  a: { ${host} }`,
    'inventory.yaml:1:20: management opens ports on public addresses: say "firewall: external" once one guards them',
  ],
  [
    'a datacenter that is no DNS label',
    `cluster: { datacenter: DC_1 }\nhosts:\n  a: { ${host} }`,
    /^inventory\.yaml:1:24: datacenter: must be a DNS label/,
  ],
  ['a host that is no DNS label', `hosts:\n  Node_1: { ${host} }`, /^inventory\.yaml:2:3: Node_1: must be a DNS label/],
  ['a duplicate host', `hosts:\n  a: { ${host} }\n  a: { ${host} }`, 'inventory.yaml:3:3: Map keys must be unique'],
  [
    'duplicate addresses',
    `hosts:\n  a: { ${host}, slot: 1 }\n  b: { ${host}, slot: 1 }`,
    "inventory.yaml:3:17: address a.example.com is a's already",
    "inventory.yaml:3:43: privateIp 10.33.0.2 is a's already",
    "inventory.yaml:3:60: slot 1 is a's already",
  ],
  [
    'an address outside of the network',
    'hosts:\n  a: { address: a, privateIp: 10.34.0.2 }',
    'inventory.yaml:2:31: privateIp: 10.34.0.2 is not in the private network 10.33.0.0/16',
  ],
  [
    'no address at all',
    'hosts:\n  a: { privateIp: x }',
    /^inventory\.yaml:2:6: address: .*string/,
    'inventory.yaml:2:19: privateIp: must be an IPv4 address such as 10.33.0.2',
  ],
  [
    'a group of an unknown host',
    `groups:\n  servers: [node-1]\nhosts:\n  node-2: { ${host} }`,
    'inventory.yaml:2:13: unknown host "node-1" (did you mean "node-2"?)',
  ],
  [
    "a group with a host's name",
    `groups:\n  a: [a]\nhosts:\n  a: { ${host} }`,
    `inventory.yaml:2:3: group "a" has a host's name`,
  ],
  [
    'a reserved name',
    `hosts:\n  controller: { ${host} }\ngroups: { all: [controller] }`,
    'inventory.yaml:3:11: "all" has a meaning of its own: choose another name',
    'inventory.yaml:2:3: "controller" has a meaning of its own: choose another name',
  ],
  [
    'an unknown role',
    `vars: { doker: {} }\nhosts:\n  a: { ${host} }`,
    'inventory.yaml:1:9: unknown role "doker" (did you mean "docker"?)',
  ],
  [
    'an unknown var',
    `vars: { docker: { file: 1 } }\nhosts:\n  a: { ${host} }`,
    'inventory.yaml:1:19: unknown key "file" (did you mean "files"?)',
  ],
  [
    'a bad var of a host',
    `hosts:\n  a: { ${host}, vars: { docker: { files: many } } }`,
    /^inventory\.yaml:2:79: files: .*number/,
  ],
  [
    'a bad nested var',
    `vars:\n  docker:\n    nested: { deep: 1 }\nhosts:\n  a: { ${host} }`,
    /^inventory\.yaml:3:21: deep: .*string/,
  ],
  [
    'a bad host key',
    `hosts:\n  a: { ${host}, hostKeys: [x] }`,
    /^inventory\.yaml:2:65: hostKeys\[0\]: must be a public host key/,
  ],
  ...(
    [
      ['an unknown product', 'versions: { nomd: 1.6.1 }', ':1:13: unknown key "nomd" (did you mean "nomad"?)'],
      [
        'a version that YAML takes for a number',
        'versions: { nomad: 1.10 }',
        ':1:20: nomad: must be a version such as 1.10.5, with three numbers',
      ],
      ['a version with a v', 'versions: { nomad: v1.6.1 }', /:1:20: nomad: must be a version/],
      ['a version of two lines', 'versions: { nomad: "1.6.1\\n" }', /:1:20: nomad: must be a version/],
      ['an unknown set', 'versions: { set: newest }', /:1:18: set: .*"current"\|"seed"/],
      [
        'an unknown signer',
        `downloads: { keys: { hashcorp: ${'A'.repeat(40)} } }`,
        /:1:22: .*did you mean "hashicorp"/,
      ],
      ['a short key id', 'downloads: { keys: { hashicorp: 72D7468F } }', /:1:33: hashicorp: must be the fingerprint/],
      [
        'a mirror with a password',
        'downloads: { mirror: "https://u:p@m.example.com" }',
        /:1:22: mirror: must be an http/,
      ],
      ['a mirror with a query', 'downloads: { mirror: "https://m.example.com/?a=" }', /:1:22: mirror: must be an http/],
      ['a mirror that is a path', 'downloads: { mirror: /srv/mirror }', /:1:22: mirror: must be an http/],
      ['an unknown way', 'downloads: { by: me }', /:1:18: by: .*"host"\|"controller"/],
    ] as const
  ).map(([title, line, message]): (typeof bad)[number] => [
    title,
    `${line}\nhosts:\n  a: { ${host} }`,
    typeof message === 'string' ? `inventory.yaml${message}` : message,
  ]),
  [
    'an address that is an option',
    'hosts:\n  a: { address: "-oProxyCommand=x y", privateIp: 10.33.0.2 }',
    /^inventory\.yaml:2:17: address: must be an address/,
  ],
]

for (const [title, text, ...messages] of bad) {
  test(`${title} is an error with its place`, (t) => {
    const error = t.throws(() => parse(text), { instanceOf: InventoryError })
    const lines = error?.message.split('\n') ?? []
    t.is(lines.length, messages.length, error?.message)
    for (const [index, message] of messages.entries()) {
      if (typeof message === 'string') t.is(lines[index], message)
      else t.regex(lines[index] ?? '', message)
    }
  })
}

test('all problems are told at once', (t) => {
  const text = `groups:\n  g: [x]\nvars: { nope: {} }\nhosts:\n  a: { ${host}, slot: 1 }\n  b: { ${host} }`
  const error = t.throws(() => parse(text))
  t.is(error?.message.split('\n').length, 4, error?.message)
})

test('--vars are checked like the rest', (t) => {
  const unknown = t.throws(() => parse(good, { overrides: [{ role: 'dcker', key: 'files', value: 1 }] }))
  t.is(unknown?.message, '--vars: unknown role "dcker" (did you mean "docker"?)')
  const wrong = t.throws(() => parse(good, { overrides: [{ role: 'docker', key: 'files', value: 'x' }] }))
  t.regex(wrong?.message ?? '', /^--vars docker\.files: files: .*number/)
})
