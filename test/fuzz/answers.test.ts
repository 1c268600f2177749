import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { factsFragment, parseFacts } from '../../core/converge/facts.ts'
import { type Resource, Unknown } from '../../core/declare/resource.ts'
import { CaravanError } from '../../core/errors.ts'
import { absent } from '../../core/resources/absent.ts'
import { artifact } from '../../core/resources/artifact.ts'
import { block } from '../../core/resources/block.ts'
import { command } from '../../core/resources/command.ts'
import { directory } from '../../core/resources/directory.ts'
import { file } from '../../core/resources/file.ts'
import { group } from '../../core/resources/group.ts'
import { http } from '../../core/resources/http.ts'
import { json } from '../../core/resources/json.ts'
import { kernelModule } from '../../core/resources/kernel-module.ts'
import { mount } from '../../core/resources/mount.ts'
import { packages } from '../../core/resources/packages.ts'
import { ready } from '../../core/resources/ready.ts'
import { service } from '../../core/resources/service.ts'
import { symlink } from '../../core/resources/symlink.ts'
import { sysctl } from '../../core/resources/sysctl.ts'
import { user } from '../../core/resources/user.ts'
import { host } from '../remote/hosts.ts'
import { sandbox } from '../resources/law.ts'
import { fragment } from '../resources/sh.ts'
import { seed, tries } from './seed.ts'

type Sample = (dir: string) => readonly Resource[]

const samples: readonly Sample[] = [
  (dir) => ['a', 'b', 'none', 'd'].map((name) => absent(join(dir, name))),
  (dir) => ['a', 'd', 'none'].map((name) => directory(join(dir, name))),
  (dir) => ['a', 'b', 'd', 'none'].map((name) => file(join(dir, name), { content: 'x' })),
  (dir) => ['l', 'a', 'none'].map((name) => symlink(join(dir, name), '/x')),
  (dir) => ['a', 'b', 'none'].map((name) => block(join(dir, name), { name: 'b', content: 'x' })),
  (dir) => ['j', 'none'].map((name) => json(join(dir, name), { merge: { a: { b: 1 }, __proto__x: null } })),
  () => [sysctl('kernel.ostype', 'Linux'), sysctl('vm.max_map_count', 1, { atLeast: true }), sysctl('no.such', 1)],
  () => [user('root', { home: '/root', groups: ['root'] }), user('nosuch')],
  () => [group('root', { gid: 0 }), group('nosuch')],
  () => packages(['bash', 'nosuch', { name: 'dpkg', hold: false }]),
  () => [ready('a', { check: 'true', within: '1s' }), ready('b', { check: '[ -e /x ]', within: '1s' })],
  () => [command('a', { run: 'true', unless: '[ -e / ]' }), command('b', { run: 'true', unless: 'nosuchprogram' })],
  () => [kernelModule('overlay'), kernelModule('nosuch')],
  () => [
    mount('/proc', { source: 'proc', fsType: 'proc', options: [] }),
    mount('/x', { source: 'x', fsType: 'tmpfs', options: ['ro'] }),
  ],
  (dir) => [artifact('a', { url: 'https://example.com/a', sha256: 'a'.repeat(64), to: join(dir, 'a') })],
  () => [http('a', { url: 'http://127.0.0.1:1', observe: '/', want: { a: 1 }, apply: { path: '/' } })],
  (dir) => [service('a', { enabled: true, running: true, restartOn: [file(join(dir, 'a'), { content: '' })] })],
]

// What no computer without systemd, or without an API, prints by itself.
const systemd = (dir: string): string => `LoadState=loaded
ActiveState=active
UnitFileState=enabled
NeedDaemonReload=no
InvocationID=0123
InactiveExitTimestamp=Sun 2026-11-22 20:48:53.123456 UTC
=markers
0123 a b
=inputs
0
=files
1700000000.123456789
${'a'.repeat(64)}  ${dir}/a
`
const recorded: Readonly<Record<string, (dir: string) => string>> = {
  service: systemd,
  http: () => `0 200 ${Buffer.from('{"a":{"__proto__":1}}').toString('base64')}\n`,
}

const PIECES = [
  '\n',
  '\0',
  '-',
  ':',
  ' ',
  '=',
  '__proto__',
  '9'.repeat(400),
  '-1',
  '1e999',
  '\u001b[2J',
  '\ufffd',
  'constructor',
  '{',
  '[',
]
const spot = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
const change = fc.oneof(
  fc.tuple(spot, fc.nat(7)).map(([at, bit]) => (text: string): string => {
    const bytes = Buffer.from(text)
    const index = Math.floor(at * bytes.length)
    if (bytes.length > 0) bytes[index] = (bytes[index] as number) ^ (1 << bit)
    return bytes.toString()
  }),
  fc.tuple(spot, spot).map(([one, other]) => (text: string): string => {
    const [from = 0, to] = [one, other].map((each) => Math.floor(each * text.length)).sort((a, b) => a - b)
    return text.slice(0, from) + text.slice(to)
  }),
  fc.tuple(spot, fc.constantFrom(...PIECES)).map(([at, piece]) => (text: string): string => {
    const index = Math.floor(at * text.length)
    return text.slice(0, index) + piece + text.slice(index)
  }),
  fc.tuple(spot, fc.nat(3)).map(([at, times]) => (text: string): string => {
    const lines = text.split('\n')
    const index = Math.floor(at * lines.length)
    return lines.toSpliced(index, 1, ...Array<string>(times).fill(lines[index] ?? '')).join('\n')
  }),
)
const changes = fc.array(change, { minLength: 1, maxLength: 4 })

const asked = { changes: () => false }
const own = ['toString', 'constructor', '__proto__'].map((key) => [
  key,
  Object.getOwnPropertyDescriptor(Object.prototype, key),
])

for (const [index, sample] of samples.entries()) {
  const title = sample('/tmp')[0]?.type.name ?? ''
  test(`what a probe printed, changed: ${title}`, async (t) => {
    t.timeout(600_000)
    const dir = sandbox(t)
    mkdirSync(join(dir, 'd'))
    symlinkSync('/somewhere', join(dir, 'l'))
    for (const [name, text] of [
      ['a', 'x'],
      ['b', 'before\n# BEGIN caravan b\ny\n# END caravan b\n'],
      ['j', '{"a": 1}'],
    ] as const)
      writeFileSync(join(dir, name), text)
    const resources = sample(dir)
    const { type } = resources[0] as Resource
    const genuine = recorded[type.name]?.(dir) ?? (await fragment(type.probe(resources))).stdout
    t.is(type.parse(genuine, resources).size, resources.length)
    let understood = 0
    const property = fc.property(changes, (all) => {
      const output = all.reduce((text, one) => one(text), genuine)
      const haves = attempted(() => type.parse(output, resources))
      if (haves === undefined) return
      understood++
      for (const { id, want } of resources) {
        const have = haves.get(id)
        if (have === undefined || Unknown.is(have)) continue
        // what a type throws here is shown to people
        for (const one of attempted(() => type.diff(want, have, asked), CaravanError) ?? [])
          if ([one.property, one.from, one.to].some((text) => typeof text !== 'string'))
            throw new Error(JSON.stringify(one))
      }
    })
    fc.assert(property, { seed: seed + index, numRuns: tries(300) })
    t.log(`seed ${seed}: ${understood} of ${tries(300)} were understood`)
    for (const [key, descriptor] of own)
      t.deepEqual(Object.getOwnPropertyDescriptor(Object.prototype, key as string), descriptor)
  })
}

test('what a host says about itself, changed', async (t) => {
  const { stdout } = await fragment(factsFragment.replaceAll('set -e', ''))
  const genuine = stdout.includes('systemd') ? stdout : `${stdout}systemd 252\n`
  const node = { ...host('a', 'a'), privateIp: '127.0.0.1' }
  const property = fc.property(changes, (all) => {
    attempted(
      () =>
        parseFacts(
          all.reduce((text, one) => one(text), genuine),
          node,
        ),
      CaravanError,
    )
  })
  t.notThrows(() => fc.assert(property, { seed, numRuns: tries(300) }))
})

/** Undefined: it threw one of these. The engine makes a ProbeError of whatever `parse` throws. */
const attempted = <T>(work: () => T, allowed: new (...args: never[]) => Error = Error): T | undefined => {
  const began = performance.now()
  try {
    return work()
  } catch (error) {
    if (!(error instanceof allowed)) throw error
    return undefined
  } finally {
    slowest = Math.max(slowest, performance.now() - began)
  }
}

let slowest = 0
test.after('no answer took a second', (t) => t.true(slowest < 1000, `${slowest.toFixed()} ms`))
