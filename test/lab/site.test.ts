import { execFileSync } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { labDrops, labReset } from '../../lab/index.ts'
import { appliedIn, differing, NODES, plannedIn, site, treeOf } from './machines.ts'

const DIRECTORIES = '/etc /usr /opt /srv /root /var/lib'
const project = join(import.meta.dirname, '../..')

const treesOf = async (): Promise<ReadonlyMap<string, string>> => {
  const trees = await Promise.all(NODES.map(async (name) => [name, await treeOf(name, DIRECTORIES)] as const))
  return new Map(trees.flatMap(([name, tree]) => [...tree].map(([path, state]) => [`${name}:${path}`, state])))
}

/** Everything that a run on this computer could write to, but for the places that it may. */
const controllerTree = (): ReadonlyMap<string, string> => {
  const mayWrite = [join(project, '.caravan'), join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'caravan')]
  const cut = mayWrite.flatMap((path) => ['-path', path, '-prune', '-o'])
  const listed = execFileSync(
    'find',
    [project, homedir(), '/tmp', ...cut, '-printf', '%p\\t%y %m %U:%G %s %T@ %l\\n'],
    { maxBuffer: 1e9, encoding: 'utf8' },
  )
  return new Map(listed.split('\n').map((line) => line.split('\t') as [string, string]))
}

const without = (all: ReadonlySet<string>, others: ReadonlySet<string>) => [...all].filter((one) => !others.has(one))

const seconds = (n: number) => new Promise((resolve) => setTimeout(resolve, n * 1000))

test('from empty machines: --check, the run, and the run that changes nothing', async (t) => {
  await labReset({ nodes: NODES.length, log: t.log })
  const drops = (await labDrops()).unicast

  const [hosts1, here1] = [await treesOf(), controllerTree()]
  const idle = 10
  await seconds(idle)
  const [hosts2, here2] = [await treesOf(), controllerTree()]
  const began = Date.now()
  const check = await site(['--check'])
  t.true((Date.now() - began) / 1000 <= idle, '--check took longer than the idle time that it is held against')
  const [here3, hosts3] = [controllerTree(), await treesOf()]

  t.is(check.exit, 2, [check.stderr, ...check.errors].join('\n'))
  const [alive, aliveHere] = [differing(hosts1, hosts2), differing(here1, here2)]
  t.log(`changes by itself on idle hosts: ${alive.join(', ') || 'nothing'}`)
  t.log(`changes by itself on this computer: ${aliveHere.join(', ') || 'nothing'}`)
  t.deepEqual(
    differing(hosts2, hosts3).filter((path) => !alive.includes(path)),
    [],
    '--check changed a host',
  )
  t.deepEqual(
    differing(here2, here3).filter((path) => !aliveHere.includes(path)),
    [],
    '--check changed this computer',
  )

  const run = await site(['--yes'])
  t.is(run.exit, 0, [run.stderr, ...run.errors].join('\n'))
  const [planned, firm, applied] = [plannedIn(check, 'firm', 'provisional'), plannedIn(check, 'firm'), appliedIn(run)]
  t.true(firm.size > 0 && applied.size > 0)
  t.deepEqual(without(applied, planned), [], 'applied, but not in the plan')
  t.deepEqual(without(applied, plannedIn(run, 'firm', 'provisional')), [], 'applied, but never shown')
  t.log(`firm, and then found true: ${without(firm, applied).join(', ') || 'nothing'}`)

  const again = await site(['--yes'])
  t.is(again.exit, 0, again.errors.join('\n'))
  for (const name of NODES) t.like(again.summary?.hosts[name], { changed: 0, failed: 0, roundTrips: 1 }, name)
  t.is((await site(['--check'])).exit, 0, 'whatever was planned is true now')
  t.is((await labDrops()).unicast - drops, 0, 'the machines wanted to reach what is not in the lab')
})
