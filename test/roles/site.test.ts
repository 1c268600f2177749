import test from 'ava'
import { compile } from '../../core/converge/compile.ts'
import { openSecrets } from '../../core/secrets/life.ts'
import { plays } from '../../playbooks/plays.mjs'
import { facts, host, releasesOf } from './fixtures.ts'

const hosts = [0, 1, 2, 3].map((slot) =>
  host(`node-${slot + 1}`, `10.33.0.${slot + 2}`, slot, slot < 3 ? undefined : []),
)
const inventory = {
  file: 'inventory.yaml',
  cluster: { name: 'caravan', datacenter: 'dc1', network: '10.33.0.0/16', expose: 'private' },
  hosts,
  groups: { servers: ['node-1', 'node-2', 'node-3'] },
  versions: { set: 'current' },
  downloads: { by: 'host', keys: {} },
} as const

const unopened = await openSecrets({
  file: '/nonexistent/secrets.age',
  identity: '/nonexistent/identity',
  makesIdentity: false,
  roles: plays.map(({ role }) => role),
  selected: [],
  established: async () => undefined,
  askPassphrase: undefined,
})

for (const [machine, known] of Object.entries(facts)) {
  test(`the whole site on ${machine} has no conflict, also where nothing was opened since no role is selected`, (t) => {
    for (const own of hosts) {
      const means = { secrets: unopened.secrets, releases: () => releasesOf('1.15.4') }
      const entries = compile(plays, new Set(plays.keys()), { ...own, facts: known }, inventory, means)
      t.true(entries.length > 50)
      t.deepEqual(compile(plays, new Set(), { ...own, facts: known }, inventory, means), [])
    }
  })
}
