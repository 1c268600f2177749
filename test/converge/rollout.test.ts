import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { z } from 'zod'
import { type ClusterRole, gate, mayTake, type Standing, takingOrder } from '../../core/declare/cluster.ts'
import { noMeans } from '../../core/declare/means.ts'
import { type Play, play } from '../../core/declare/play.ts'
import { declare, type Resource } from '../../core/declare/resource.ts'
import { defineRole } from '../../core/declare/role.ts'
import { ConnectError } from '../../core/errors.ts'
import { quote } from '../../core/remote/shell.ts'
import type { Fleet } from '../../core/remote/ssh.ts'
import type { Transport } from '../../core/remote/transport.ts'
import { Secret } from '../../core/secrets/secret.ts'
import { broken, note, noteType, planned, type ToyHost, toyHost, toyRun } from './toy.ts'

const up: Standing = { healthy: true, leader: false, voter: true }
const leads: Standing = { ...up, leader: true }
const out: Standing = { healthy: false, leader: false, voter: false }
const standings = (...all: (Standing | undefined)[]) => new Map(all.map((one, index) => [`n${index + 1}`, one]))

const questions: [title: string, standings: ReturnType<typeof standings>, host: string, answer: true | RegExp][] = [
  ['three of three', standings(leads, up, up), 'n2', true],
  ['the leader of three', standings(leads, up, up), 'n1', true],
  [
    'one is out already',
    standings(leads, up, out),
    'n2',
    /^n2 cannot be taken away: n3 not in the cluster, and 1 of 3/,
  ],
  ['one is unreachable', standings(leads, up, undefined), 'n1', /^n1 cannot be taken away: n3/],
  ['the one that is out may be mended', standings(leads, up, out), 'n3', true],
  ['a cluster without quorum may be mended', standings(up, out, out), 'n1', true],
  ['no voter counts for nothing', standings(leads, up, { ...up, voter: false }), 'n1', /cannot be taken away/],
  ['five with one out', standings(leads, up, up, up, out), 'n2', true],
  ['five with two out', standings(leads, up, up, out, out), 'n2', /n4, n5 not in the cluster, and 2 of 5/],
  ['two servers have no choice', standings(leads, up), 'n1', true],
  ['one server has no choice', standings(leads), 'n1', true],
]
for (const [title, now, host, answer] of questions) {
  test(`may it be taken: ${title}`, (t) => {
    const said = mayTake(host, now)
    if (answer === true) t.true(said)
    else t.regex(String(said), answer)
  })
}

test('a gate asks for a leader and for every server that took part', (t) => {
  t.true(gate(['n1', 'n2'], standings(leads, up, out)))
  t.is(gate(['n1', 'n3'], standings(leads, up, out)), 'n3 is no voter of the cluster')
  t.is(gate(['n2', 'n3'], standings(leads, out, undefined)), 'n2, n3 are no voter of the cluster')
  t.is(gate(['n1'], standings(up, up, up)), 'the cluster has no leader')
})

test('the broken go first and the leader last', (t) => {
  t.deepEqual(takingOrder(['n1', 'n2', 'n3'], standings(leads, up, out)), ['n3', 'n2', 'n1'])
})

/** A cluster of toy hosts: one takes part while its file `up` exists, and leads while `leader` exists. */
const toyCluster = (t: ExecutionContext, count: number, within = 1) => {
  const toys = Array.from({ length: count }, (_, index) => toyHost(t, `node-${index + 1}`))
  const dirOf = (name: string) => toys.find(({ host }) => host.name === name)?.dir ?? ''
  const cluster: ClusterRole = {
    name: 'toy',
    within,
    observe: ({ name }) => {
      const dir = quote(dirOf(name))
      return `for f in up leader; do [ ! -e ${dir}/$f ] || echo $f; done`
    },
    parse: (output) => {
      const words = output.split('\n')
      return { healthy: words.includes('up'), voter: words.includes('up'), leader: words.includes('leader') }
    },
    handOver: ({ name }) => `rm ${quote(dirOf(name))}/leader; : >${quote(dirOf('node-2'))}/leader`,
  }
  const write = (name: string, file: string, text = '') => writeFileSync(join(dirOf(name), file), text)
  return {
    toys,
    cluster,
    dirOf,
    write,
    read: (name: string, file: string) => readFileSync(join(dirOf(name), file), 'utf8'),
  }
}

const runCluster = (
  { toys, cluster, dirOf }: ReturnType<typeof toyCluster>,
  resources: (dir: string) => readonly Resource[],
  more: Parameters<typeof toyRun>[2] = {},
  after: readonly Play[] = [],
) => {
  const role = defineRole('toy', z.strictObject({}), ({ host }) => resources(dirOf(host.name)))
  const plays = [play(role, { cluster }), ...after]
  return toyRun(toys, {}, { plays, selected: new Set(plays.keys()), ...more })
}

const applies = (result: Awaited<ReturnType<typeof toyRun>>) =>
  result.events.flatMap((event) => (event.event === 'applied' ? [event.host] : []))

// Starting a server: it is up at once, and node-1 leads.
const start = (dir: string) => [note(`${dir}/up`, ''), ...(dir.length > 0 ? [note(`${dir}/config`, '1')] : [])]

const establish = (toy: ReturnType<typeof toyCluster>) => {
  for (const { host } of toy.toys) toy.write(host.name, 'up')
  toy.write('node-1', 'leader')
}
const marked = ({ dir }: ToyHost) => existsSync(join(dir, 'lib/established-toy'))

test('a first boot starts all servers and marks them once the gate has opened', async (t) => {
  const toy = toyCluster(t, 3)
  const result = await runCluster(toy, (dir) => [
    ...start(dir),
    ...(dir === toy.dirOf('node-1') ? [note(`${dir}/leader`, '')] : []),
  ])
  t.deepEqual(
    result.events.filter(({ event }) => event === 'cluster'),
    [{ event: 'cluster', cluster: 'toy', leader: 'node-1', inside: ['node-1', 'node-2', 'node-3'], outside: [] }],
  )
  t.deepEqual(result.errors, [])
  t.is(result.exit, 0)
  t.true(toy.toys.every(marked))
})

test('a first boot without one of its servers starts nothing', async (t) => {
  const toy = toyCluster(t, 3)
  const hosts = toy.toys.slice(0, 2).map(({ host }) => host)
  const result = await runCluster(toy, start, { hosts })
  t.is(result.exit, 1)
  t.is(result.errors[0], 'the first boot of toy needs all of its servers: node-3 missing')
  t.false(existsSync(join(toy.dirOf('node-1'), 'up')))
})

test('a first boot whose gate stays closed leaves no mark, and the next run completes it', async (t) => {
  const toy = toyCluster(t, 3)
  const first = await runCluster(toy, start)
  t.is(first.exit, 1)
  t.is(first.errors[0], 'the cluster has no leader (waited 1 s)')
  t.false(toy.toys.some(marked))
  const check = await runCluster(toy, start, { check: true })
  t.is(check.exit, 2)
  t.deepEqual(planned(check), ['wait gate toy'])
  t.is((await runCluster(toy, start)).exit, 1, 'a run waits, then fails')
  toy.write('node-1', 'leader')
  t.is((await runCluster(toy, start)).exit, 0)
  t.true(toy.toys.every(marked))
})

test('a cluster that a run left before it was marked is marked by the next one, which changes nothing', async (t) => {
  const toy = toyCluster(t, 3)
  establish(toy)
  const resources = (dir: string) => [note(`${dir}/up`, '')]
  t.is((await runCluster(toy, resources, { check: true })).exit, 0)
  t.false(toy.toys.some(marked), 'a check writes nothing')
  const partly = await runCluster(toy, resources, { hosts: toy.toys.slice(0, 2).map(({ host }) => host) })
  t.is(partly.exit, 0)
  t.false(toy.toys.some(marked), 'not all of its servers were asked')
  t.is((await runCluster(toy, resources)).exit, 0)
  t.true(toy.toys.every(marked))
  const after = await runCluster(toy, resources)
  t.deepEqual(
    Object.values(after.summary.hosts).map(({ roundTrips }) => roundTrips),
    [2, 2, 2],
    'the facts, since nothing is cached here, and the probe',
  )
})

test('an established cluster is changed one server at a time, the leader last, after handing over', async (t) => {
  const toy = toyCluster(t, 3)
  establish(toy)
  const result = await runCluster(toy, (dir) => [note(`${dir}/config`, '2')])
  t.is(result.exit, 0)
  t.deepEqual(applies(result), ['node-2', 'node-3', 'node-1'])
  t.false(existsSync(join(toy.dirOf('node-1'), 'leader')), 'node-1 handed over')
  t.true(toy.toys.every(marked), 'a cluster that was adopted is marked')
})

test('a server that is out is mended first; then the others may be taken', async (t) => {
  const toy = toyCluster(t, 3)
  establish(toy)
  rmSync(join(toy.dirOf('node-3'), 'up'))
  const result = await runCluster(toy, start)
  t.is(result.exit, 0)
  t.deepEqual([...new Set(applies(result))], ['node-3', 'node-2', 'node-1'])
})

/** An established cluster of three whose last server is out, and the hosts that are not. */
const oneOut = (t: ExecutionContext) => {
  const toy = toyCluster(t, 3)
  establish(toy)
  rmSync(join(toy.dirOf('node-3'), 'up'))
  return { toy, hosts: toy.toys.slice(0, 2).map(({ host }) => host) }
}

test('no server is taken while another one is out and stays out', async (t) => {
  const { toy, hosts } = oneOut(t)
  const result = await runCluster(toy, (dir) => [note(`${dir}/config`, '2')], { hosts })
  t.is(result.exit, 1)
  t.is(
    result.errors[0],
    'node-2 cannot be taken away: node-3 not in the cluster, and 1 of 3 servers are no quorum (waited 1 s)',
  )
  t.deepEqual(result.errors.slice(1), ['left alone, since the play stopped at node-2'])
  t.deepEqual(applies(result), [])
})

test('a server that cannot be reached is not waited for', async (t) => {
  const toy = toyCluster(t, 3, 60)
  establish(toy)
  const fleet: Fleet = {
    transport: ({ name }) => toy.toys.find(({ host }) => host.name === name)?.transport as Transport,
    connect: async ({ name }) => {
      if (name === 'node-3') throw new ConnectError('nobody answers')
    },
    ask: async () => {},
    dial: () => t.fail() as never,
    close: async () => {},
  }
  const result = await runCluster(toy, (dir) => [note(`${dir}/config`, '2')], { fleet })
  t.is(result.exit, 1)
  t.deepEqual(result.errors, [
    'nobody answers',
    'node-2 cannot be taken away: node-3 not in the cluster, and 1 of 3 servers are no quorum',
    'left alone, since the play stopped at node-2',
  ])
  t.deepEqual(applies(result), [])
})

const calm = (path: string, text: string) =>
  declare({ ...noteType, name: 'calm', endsNothing: () => true }, path, { text })

test('what ends no program is changed while another server is out, one at a time, and nobody hands over', async (t) => {
  const { toy, hosts } = oneOut(t)
  const result = await runCluster(toy, (dir) => [calm(`${dir}/config`, '2')], { hosts })
  t.deepEqual(result.errors, [])
  t.is(result.exit, 0)
  t.deepEqual(applies(result), ['node-2', 'node-1'])
  t.true(existsSync(join(toy.dirOf('node-1'), 'leader')))
  const both = await runCluster(toy, (dir) => [calm(`${dir}/config`, '3'), note(`${dir}/program`, '3')], { hosts })
  t.is(both.exit, 1, 'beside a change that may end one it waits')
  t.deepEqual(applies(both), [])
})

test('a cluster that has lost its quorum is mended server by server, without waiting for what one alone cannot bring', async (t) => {
  const toy = toyCluster(t, 3)
  establish(toy)
  t.is((await runCluster(toy, (dir) => [note(`${dir}/config`, '1')])).exit, 0)
  for (const { dir } of toy.toys) rmSync(join(dir, 'up'))
  rmSync(join(toy.dirOf('node-1'), 'leader'), { force: true })
  rmSync(join(toy.dirOf('node-2'), 'leader'), { force: true })
  const result = await runCluster(toy, (dir) => [
    ...start(dir),
    ...(dir === toy.dirOf('node-3') ? [note(`${dir}/leader`, '')] : []),
  ])
  t.deepEqual(result.errors, [])
  t.deepEqual([...new Set(applies(result))], ['node-1', 'node-2', 'node-3'])
})

test('what is told of a server that was left alone is what it said last', async (t) => {
  const toy = toyCluster(t, 3)
  toy.write('node-1', 'up')
  toy.write('node-1', 'config', '1')
  const result = await runCluster(toy, (dir) => [
    ...start(dir),
    ...(dir === toy.dirOf('node-3') ? [note(`${toy.dirOf('node-1')}/leader`, '')] : []),
  ])
  t.deepEqual([...new Set(applies(result))].sort(), ['node-2', 'node-3'])
  const told = result.events.find(({ event }) => event === 'cluster')
  t.like(told, { leader: 'node-1', outside: [] })
})

test('what a server is asked may hold a secret, which is told to nobody', async (t) => {
  const toy = toyCluster(t, 1)
  establish(toy)
  const token = Secret.of('toy-token', 'b8a5d2c4-not-told')
  const secrets = { value: () => token, ca: () => t.fail() as never }
  const cluster: ClusterRole = {
    ...toy.cluster,
    observe: (host, given) => {
      const own = given.value('toy-token')
      return Secret.of('question', `: ${own.reveal()}\n${toy.cluster.observe(host, given)}`, [own])
    },
    handOver: (_, given) => Secret.of('hand-over', `: ${given.value('toy-token').reveal()}`),
  }
  const result = await runCluster(
    { ...toy, cluster },
    () => [broken('loud', `echo it says ${token.reveal()}; exit 1`)],
    { means: { ...noMeans, secrets: () => secrets } },
  )
  t.deepEqual(result.errors, ['apply failed: it says [secret toy-token] (exit 1)'])
  t.true(toy.toys[0]?.scripts.some((script) => script.includes(token.reveal())))
  t.false(JSON.stringify(result.events).includes(token.reveal()))
})

test('a serial play stops at its first failure', async (t) => {
  const toy = toyCluster(t, 3)
  establish(toy)
  const result = await runCluster(toy, (dir) => [
    note(`${dir}/config`, '2'),
    ...(dir === toy.dirOf('node-2') ? [broken('disk', 'echo no space left; exit 1')] : []),
  ])
  t.is(result.exit, 1)
  t.deepEqual([...new Set(applies(result))], ['node-2'])
  t.is(result.errors.filter((message) => message.startsWith('left alone')).length, 2)
})

test('a server that goes down by its change stops the play', async (t) => {
  const toy = toyCluster(t, 3)
  establish(toy)
  const result = await runCluster(toy, (dir) => [note(`${dir}/config`, '2'), broken('crash', `rm -f ${dir}/up`)])
  t.is(result.exit, 1)
  t.is(result.errors[0], 'node-2 is no voter of the cluster (waited 1 s)')
  t.true(existsSync(join(toy.dirOf('node-1'), 'up')))
  t.true(existsSync(join(toy.dirOf('node-3'), 'up')))
})

test('a play that needs a gate that stayed closed is skipped, and named', async (t) => {
  const toy = toyCluster(t, 3)
  const later = play(
    defineRole('later', z.strictObject({}), ({ host }) => [note(`${toy.dirOf(host.name)}/later`, '1')]),
    { needs: ['toy'] },
  )
  const extra = toyHost(t, 'node-4')
  const inventory = { ...toy, toys: [...toy.toys, extra] }
  const role = defineRole('toy', z.strictObject({}), ({ host }) => start(toy.dirOf(host.name)))
  const plays = [play(role, { cluster: toy.cluster, on: 'servers' }), later]
  const hosts = inventory.toys.map(({ host }) => (host.name === 'node-4' ? host : { ...host, groups: ['servers'] }))
  const result = await toyRun(
    inventory.toys,
    {},
    {
      plays,
      selected: new Set([0, 1]),
      hosts,
      inventory: {
        file: 'i',
        cluster: { name: 'toy', datacenter: 'dc1', network: '127.0.0.0/8', expose: 'private' },
        hosts,
        groups: {},
        versions: { set: 'current' },
        downloads: { by: 'host', keys: {} },
      },
    },
  )
  t.is(result.exit, 1)
  t.true(result.errors.includes('skipped: the gate of toy is closed'))
  t.false(existsSync(join(extra.dir, 'later')))
})

test('fewer than three servers: no choice, but a warning', async (t) => {
  const toy = toyCluster(t, 1)
  establish(toy)
  const result = await runCluster(toy, (dir) => [note(`${dir}/config`, '2')])
  t.is(result.exit, 0)
  t.true(result.events.some((event) => event.event === 'warning' && event.message.includes('fewer than three servers')))
})
