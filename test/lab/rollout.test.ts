import test from 'ava'
import { labUp } from '../../lab/index.ts'
import { NODES, on } from './machines.ts'
import { now, outagesOf, overlaps, removeToy, roll } from './toy-rollout.ts'

test.before('machines without a toy cluster', async (t) => {
  await labUp({ nodes: NODES.length, log: t.log })
  await Promise.all(NODES.map((name) => on(name, removeToy)))
})
test.after.always('as they were', () => Promise.all(NODES.map((name) => on(name, removeToy))))

test('a first boot that is not given all servers starts none', async (t) => {
  const { exit, said } = await roll('--limit', 'node-1,node-2')
  t.is(exit, 1)
  t.true(said.includes('the first boot of toy needs all of its servers: node-3 missing'), said)
  t.is(await on('node-1', 'systemctl is-active toy.service || :'), 'inactive')
})

test('a first boot starts all servers together, and a second run changes nothing', async (t) => {
  const first = await roll()
  t.is(first.exit, 0, first.said)
  for (const name of NODES) t.is(await on(name, 'ls /var/lib/caravan | grep established-toy'), 'established-toy')
  const second = await roll()
  t.is(second.exit, 0, second.said)
  t.true(second.said.includes('nothing to change'), second.said)
})

test('a change of an established cluster never takes two servers down at once', async (t) => {
  const since = await now()
  const { exit, said } = await roll('--vars', 'toy.generation=1')
  t.is(exit, 0, said)
  const outages = (await Promise.all(NODES.map((name) => outagesOf(name, since)))).flat()
  t.is(outages.length, 3, JSON.stringify(outages))
  t.deepEqual(overlaps(outages), [])
  const order = [...outages].sort((a, b) => a.from - b.from).map(({ name }) => name)
  t.is(order.at(-1), 'node-1', 'the leader is last')
})

test('with one server down, the others are not taken; it is mended first', async (t) => {
  await on('node-2', 'systemctl stop toy.service')
  const limited = await roll('--limit', 'node-3', '--vars', 'toy.generation=2')
  t.is(limited.exit, 1)
  t.true(limited.said.includes('node-3 cannot be taken away: node-2 not in the cluster'), limited.said)
  const since = await now()
  const whole = await roll('--vars', 'toy.generation=2')
  t.is(whole.exit, 0, whole.said)
  const outages = (await Promise.all(NODES.map((name) => outagesOf(name, since)))).flat()
  t.deepEqual(overlaps(outages), [])
})

test('a play stops at its first failure and leaves the others alone', async (t) => {
  const since = await now()
  const { exit, said } = await roll('--vars', 'toy.generation=3', '--vars', 'toy.broken=node-2')
  t.is(exit, 1)
  t.true(said.includes('left alone, since the play stopped at node-2'), said)
  const outages = (await Promise.all(NODES.map((name) => outagesOf(name, since)))).flat()
  t.deepEqual(outages, [])
})

// npm run test:faults has more of these
for (const round of [1, 2]) {
  test(`two controllers at once, ${round}: never two servers down, and the loser names the winner`, async (t) => {
    const since = await now()
    const vars = ['--vars', `toy.generation=${100 + round}`]
    const both = await Promise.all([roll(...vars), roll(...vars)])
    const outages = (await Promise.all(NODES.map((name) => outagesOf(name, since)))).flat()
    t.deepEqual(overlaps(outages), [], both.map(({ said }) => said).join('\n'))
    t.is(outages.length, 3, 'each server was restarted once')
    t.true(
      both.some(({ exit }) => exit === 0),
      both.map(({ said }) => said).join('\n'),
    )
    for (const { exit, said } of both) if (exit !== 0) t.regex(said, /\S+@\S+ is changing it since/)
  })
}
