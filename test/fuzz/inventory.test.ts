import { homedir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { parseInventory } from '../../core/declare/inventory.ts'
import { InventoryError } from '../../core/errors.ts'
import { sshConfig } from '../../core/remote/ssh-config.ts'
import base from '../../roles/base/index.ts'
import docker from '../../roles/docker/index.ts'
import { bomb, inventories, mutatedInventory } from './inventories.ts'
import { seed, tries } from './seed.ts'

const FILE = 'inventory.yaml'
const options = { roles: [base, docker], roleNames: ['base', 'docker'] }

const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype].map(
  (prototype) => [prototype, Reflect.ownKeys(prototype).length] as const,
)

/** What a text leads to: `valid`, `refused`, or what must never be. */
const outcome = (text: string): string => {
  try {
    const { hosts } = parseInventory(text, FILE, options)
    sshConfig(hosts, { knownHosts: '/k', pinned: '/p', own: [] }, () => '/c')
    return hosts.length > 0 ? 'valid' : 'no hosts'
  } catch (error) {
    if (!(error instanceof InventoryError)) return `threw ${error instanceof Error ? error.stack : error}`
    const lines = text.split('\n')
    const strays = error.message.split('\n').filter((line) => {
      const [, row, column] = /^inventory\.yaml:(\d+):(\d+): \S/.exec(line) ?? []
      return row === undefined || Number(row) > lines.length + 1 || Number(column) < 1
    })
    return strays.length === 0 ? 'refused' : `without a place: ${strays[0]}`
  }
}

// Each of these came through, hung or threw once.
const found: readonly [title: string, text: string, message: RegExp][] = [
  ['maps as keys, which double with each level', '? '.repeat(600), /^inventory.yaml:1:3: a key must be a plain text/],
  ['bytes as a key', 'vars: { !!binary "////": 1 }', /^inventory.yaml:1:18: a key must be a plain text/],
  ['__proto__', 'hosts: { __proto__: {} }', /^inventory.yaml:1:10: nothing can be called __proto__/],
  ['a key of two lines', '"a\\nb": 1', /^inventory.yaml:1:1: .*\ninventory.yaml:1:1: unknown key "a b"/],
  ['aliases of aliases', bomb(9, 9), /^inventory.yaml:1:1: Excessive alias count/],
]
for (const [title, text, message] of found)
  test(`refused: ${title}`, (t) => {
    t.is(outcome(text), 'refused')
    t.throws(() => parseInventory(text, FILE, options), { message })
  })

const refusedBySsh = [
  'address: -F',
  'address: a, user: -l',
  'address: a, identityFile: a\\b',
  'address: a, hostKeys: [". ="]',
]
for (const fields of refusedBySsh)
  test(`refused with its place: ${fields}`, (t) =>
    t.is(outcome(`hosts: { a: { privateIp: 10.33.0.2, ${fields} } }`), 'refused'))

test('a key below ~ is one of your home', (t) => {
  const text = 'hosts: { a: { address: a, privateIp: 10.33.0.2, identityFile: ~/.ssh/id } }'
  t.is(parseInventory(text, FILE, options).hosts[0]?.ssh.identityFile, join(homedir(), '.ssh/id'))
})

const timed = (text: string): readonly [came: string, milliseconds: number] => {
  const began = performance.now()
  return [outcome(text), performance.now() - began]
}

test('mutated inventories are valid, or refused with a place for each problem', async (t) => {
  t.timeout(20 * 60_000)
  const warnings: string[] = []
  const warned = ({ message }: Error) => warnings.push(message)
  process.on('warning', warned)
  t.teardown(() => process.off('warning', warned))
  const seen = { valid: 0, refused: 0 }
  let slowest = 0
  const property = fc.property(mutatedInventory, (text) => {
    const [came, first] = timed(text)
    if (came !== 'valid' && came !== 'refused') throw new Error(came)
    seen[came]++
    // once more, since others may use this computer too
    const took = first < 1000 ? first : timed(text)[1]
    slowest = Math.max(slowest, took)
    if (took > 1000) throw new Error(`took ${took.toFixed()} ms`)
    for (const [prototype, keys] of prototypes) {
      if (Reflect.ownKeys(prototype).length !== keys) throw new Error('a prototype was polluted')
    }
  })
  fc.assert(property, { seed, numRuns: tries(1500), examples: inventories.map((text) => [text]) })
  await new Promise(setImmediate)
  t.deepEqual(warnings, [])
  t.log(`seed ${seed}: ${seen.valid} valid, ${seen.refused} refused, ${slowest.toFixed()} ms at most`)
  t.true(seen.valid > 0 && seen.refused > 0)
})
