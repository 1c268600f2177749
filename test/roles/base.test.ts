import test from 'ava'
import base from '../../roles/base/index.ts'
import { declared, facts, found, hosts, names } from './fixtures.ts'

const fine = { skew: 0, timeSynchronised: true }

for (const [machine, known] of Object.entries(facts)) {
  test(`base on ${machine} declares the same things, bound to its own interface`, (t) => {
    for (const host of hosts) {
      const resources = declared(base, host, known)
      t.deepEqual(names(resources), [
        'package ca-certificates',
        'package curl',
        'package gnupg',
        'package iptables',
        'package iproute2',
        'package bind9-dnsutils',
        'package unzip',
        'kernelModule bridge',
        'kernelModule br_netfilter',
        'kernelModule overlay',
        'sysctl net.bridge.bridge-nf-call-arptables',
        'sysctl net.bridge.bridge-nf-call-ip6tables',
        'sysctl net.bridge.bridge-nf-call-iptables',
        'sysctl net.ipv4.ip_forward',
        'sysctl vm.max_map_count',
        'block /etc/hosts#cluster',
        'file /etc/systemd/system/caravan-mss-clamp.service',
        'service caravan-mss-clamp.service',
        'command the MSS clamp is in place',
      ])
      const unit = Buffer.from(resources.find(({ type }) => type.name === 'file')?.want.content).toString()
      t.true(unit.includes(`-A FORWARD -o ${known.privateInterface} -p tcp`), unit)
    }
  })
}

test('base names every host of the inventory on every host', (t) => {
  const block = declared(base, hosts[1], facts.debian12).find(({ type }) => type.name === 'block')
  t.is(block?.want.content, '10.33.0.2 node-1\n10.33.0.3 node-2\n')
})

test('base without a private interface has nothing to clamp', (t) => {
  const resources = declared(base, hosts[0], { ...facts.debian12, privateInterface: undefined })
  t.false(names(resources).some((name) => name.includes('mss')))
})

const findings: [
  title: string,
  known: Parameters<typeof found>[1],
  vitals: Parameters<typeof found>[2],
  ...messages: string[],
][] = [
  ['a good machine', facts.debian12, fine],
  [
    'a clock that is ahead',
    facts.debian12,
    { ...fine, skew: 1.26 },
    "error: its clock is 1.3 s ahead of this computer's (allowed: 1 s)",
  ],
  [
    'a clock that is behind',
    facts.debian12,
    { ...fine, skew: -90 },
    "error: its clock is 90.0 s behind this computer's (allowed: 1 s)",
  ],
  ['a clock that is a little off', facts.debian12, { ...fine, skew: 0.9 }],
  ['no time service', facts.debian12, { ...fine, timeSynchronised: false }, 'warning: nothing keeps its clock right'],
  ['cgroups v1', { ...facts.debian12, cgroup: 1 }, fine, 'warning: has cgroups v1'],
  [
    'another system',
    { ...facts.debian12, os: { id: 'fedora', version: '44', codename: '-' } },
    fine,
    'error: runs fedora 44',
  ],
  ['another processor', { ...facts.debian12, arch: 'riscv64' }, fine, 'error: is a machine of riscv64'],
]
for (const [title, known, vitals, ...messages] of findings) {
  test(`base finds: ${title}`, (t) => {
    t.deepEqual(
      found(base, known, vitals).map(({ level, message }) => `${level}: ${message}`),
      messages,
    )
  })
}
