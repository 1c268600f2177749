import test from 'ava'
import { z } from 'zod'
import { controllerHost, type Host } from '../../core/declare/host.ts'
import { hostsOfPlay, type PlayOptions, play } from '../../core/declare/play.ts'
import { defineRole } from '../../core/declare/role.ts'
import { selectPlays } from '../../core/site.ts'

const role = defineRole('toy', z.strictObject({}), () => [])
const host = (name: string, groups: readonly string[]): Host => ({ ...controllerHost, name, groups })
const hosts = [host('node-1', ['servers']), host('node-2', ['servers', 'odd']), host('node-3', ['odd'])]
const inventory = {
  file: 'inventory.yaml',
  cluster: { name: 'c', datacenter: 'dc1', network: '10.33.0.0/16', expose: 'private', firewall: undefined },
  hosts,
  groups: { servers: ['node-1', 'node-2'], odd: ['node-2', 'node-3'] },
  versions: { set: 'current' },
  downloads: { by: 'host', keys: {} },
} as const

const cases: [options: PlayOptions, ...names: string[]][] = [
  [{}, 'node-1', 'node-2', 'node-3'],
  [{ on: 'servers' }, 'node-1', 'node-2'],
  [{ on: 'node-3' }, 'node-3'],
  [{ except: 'servers' }, 'node-3'],
  [{ except: 'node-2' }, 'node-1', 'node-3'],
  [{ on: 'odd', except: 'servers' }, 'node-3'],
  [{ on: 'servers', except: 'all' }],
  [{ on: 'controller', except: 'servers' }, 'controller'],
]
for (const [options, ...names] of cases) {
  test(`the hosts of ${JSON.stringify(options)}`, (t) => {
    t.deepEqual(
      hostsOfPlay(play(role, options), inventory).map(({ name }) => name),
      names,
    )
  })
}

test('a play that is left without hosts by what it excepts is selected, and has nothing to do', (t) => {
  t.deepEqual([...selectPlays([play(role, { on: 'servers', except: 'all' })], [], inventory)], [0])
})

for (const options of [{ on: 'server' }, { except: 'server' }]) {
  test(`an unknown name is refused: ${JSON.stringify(options)}`, (t) => {
    t.throws(() => selectPlays([play(role, options)], [], inventory), {
      message: 'the play of toy names "server", which is no group or host of inventory.yaml',
    })
  })
}
