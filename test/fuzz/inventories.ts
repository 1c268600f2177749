import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { mutation } from './mutations.ts'

// As lab/inventory.ts writes it: other indentation, lists over several lines.
const lab = `# written by playbooks/lab.mjs
cluster:
  name: lab
  datacenter: dc1
  network: 10.33.0.0/16
vars: {}
groups:
  servers:
    - node-1
    - node-2
hosts:
  node-1:
    address: 198.18.33.11
    privateIp: 10.33.0.2
    slot: 0
    user: root
    identityFile: /srv/lab/id_ed25519
    hostKeys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPZ9izVrftFgKKJWz/tDkqf3rGNzaSumtmxoVna1F7UL
  node-2:
    address: 198.18.33.12
    privateIp: 10.33.0.3
    slot: 1
    user: root
`

// All that an inventory may hold, and all that YAML may be written in.
const rich = `%YAML 1.2
---
cluster: { name: caravan, datacenter: fsn1, network: 10.0.0.0/8 }
vars: &defaults
  base: &base
    packages: [curl, "gnupg", 'iptables', iproute2]
    maxMapCount: 262_144
    maxSkew: 1.5e0
  docker: { logMaxSize: 50m, "files": 0x3 }
groups:
  servers: [a, b-2]
  clients:
    hosts:
    - c
    vars: *defaults
hosts:
  a: { address: "a.example.com", privateIp: 10.33.0.2, slot: 0, port: 2222, vars: { base: *base } }
  b-2:
    address: fe80::1
    privateIp: 10.33.0.3
    identityFile: >-
      ~/.ssh/id
      of mine
    sudoPasswordFile: |
      secret
    hostKeys: ["ssh-ed25519 AAAA", ssh-rsa BBBB==]
  ? c
  : address: alias # of ~/.ssh/config
    privateIp: !!str 10.33.0.4
    user: debian
...
`

/** Inventories that are valid, or nearly so. */
export const inventories: readonly string[] = [
  readFileSync(new URL('../../inventory.yaml', import.meta.url), 'utf8'),
  lab,
  rich,
]

/** Aliases of aliases: a few lines that stand for `width ** levels` values. */
export const bomb = (levels: number, width: number): string =>
  Array.from({ length: levels }, (_, i) =>
    i === 0
      ? 'l0: &l0 [x]'
      : `l${i}: &l${i} [${Array(width)
          .fill(`*l${i - 1}`)
          .join(', ')}]`,
  ).join('\n')

/** What no mutation of a small file comes to: deep, wide, or large. */
const extreme: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 2, max: 20 }))
    .map(([levels, width]) => bomb(levels, width)),
  fc
    .tuple(
      fc.constantFrom('[', '{a: ', '- ', '? ', '"', '&a [', '!!x [', '*a', ':', '\n- '),
      fc.integer({ min: 1, max: 20_000 }),
    )
    .map(([open, depth]) => open.repeat(depth)),
  fc
    .tuple(
      fc.constantFrom('vars: ', 'hosts:\n  a: ', 'groups: { x: '),
      fc.constantFrom('[', '{a: '),
      fc.integer({ min: 1, max: 5_000 }),
    )
    .map(([start, open, depth]) => start + open.repeat(depth) + (open === '[' ? ']' : '}').repeat(depth)),
  fc
    .integer({ min: 1, max: 1_000 })
    .map(
      (count) =>
        `hosts:\n${Array.from({ length: count }, (_, i) => `  n${i}: { address: a${i}, privateIp: 10.33.${i >> 8}.${i & 255} }\n`).join('')}`,
    ),
  fc.integer({ min: 1, max: 200_000 }).map((length) => `hosts: { ${'a'.repeat(length)}: 1 }`),
  fc.integer({ min: 1, max: 200_000 }).map((digits) => `hosts: { a: { slot: ${'9'.repeat(digits)} } }`),
  fc.integer({ min: 1, max: 1_000 }).map((count) => Array.from({ length: count }, (_, i) => `k${i}: 1`).join('\n')),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString()),
)

/** Texts that look like inventories, one way or another. */
export const mutatedInventory: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(fc.constantFrom(...inventories), fc.array(mutation, { minLength: 1, maxLength: 4 }))
      .map(([text, mutations]) => mutations.reduce((now, change) => change(now), text)),
  },
  { weight: 1, arbitrary: extreme },
)
