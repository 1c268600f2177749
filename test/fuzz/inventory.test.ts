import test from 'ava'
import fc from 'fast-check'
import { parseInventory } from '../../core/declare/inventory.ts'
import { InventoryError } from '../../core/errors.ts'
import { sshConfig } from '../../core/remote/ssh-config.ts'
import base from '../../roles/base/index.ts'
import docker from '../../roles/docker/index.ts'
import { inventories, mutatedInventory } from './inventories.ts'
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

test('mutated inventories are valid, or refused with a place for each problem', (t) => {
  t.timeout(20 * 60_000)
  const seen = { valid: 0, refused: 0 }
  let slowest = 0
  fc.assert(
    fc.property(mutatedInventory, (text) => {
      const began = performance.now()
      const came = outcome(text)
      const took = performance.now() - began
      slowest = Math.max(slowest, took)
      if (came !== 'valid' && came !== 'refused') throw new Error(came)
      seen[came]++
      if (took > 1000) throw new Error(`took ${took.toFixed()} ms`)
      for (const [prototype, keys] of prototypes) {
        if (Reflect.ownKeys(prototype).length !== keys) throw new Error('a prototype was polluted')
      }
    }),
    { seed, numRuns: tries(1500), examples: inventories.map((text) => [text]) },
  )
  t.log(`seed ${seed}: ${seen.valid} valid, ${seen.refused} refused, ${slowest.toFixed()} ms at most`)
  t.true(seen.valid > 0 && seen.refused > 0)
})
