import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { quote, words } from '../../core/remote/shell.ts'
import { labDrops, labReset } from '../../lab/index.ts'
import { secretLines } from './cluster.ts'
import { appliedIn, differing, NODES, plannedIn, site, treeOf } from './machines.ts'
import { watchProcesses } from './processes.ts'

const DIRECTORIES = '/etc /usr /opt /srv /root /var/lib'
const project = join(import.meta.dirname, '../..')

const treesOf = async (): Promise<ReadonlyMap<string, string>> => {
  const trees = await Promise.all(NODES.map(async (name) => [name, await treeOf(name, DIRECTORIES)] as const))
  return new Map(trees.flatMap(([name, tree]) => [...tree].map(([path, state]) => [`${name}:${path}`, state])))
}

/**
 * Runs a command that sees this computer as it is, but whose writes go to a layer of its own, whatever others write at
 * the same time; what is in that layer at the end is printed to stderr. `canary` proves that it would be seen.
 */
const layered = (canary: string): readonly string[] => {
  const mayWrite = [join(project, '.caravan'), join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'caravan')]
  const script = `
set -e
# no layer lies over this one, and the mounts are this process's own
mount -t tmpfs none /mnt
number=0
for path in ${words(mayWrite)}; do
  number=$((number + 1)); mkdir /mnt/kept-$number; mount --rbind "$path" /mnt/kept-$number
done
for path in ${words(['/etc', '/home', '/opt', '/srv', '/usr', '/var', homedir(), tmpdir(), project])}; do
  layer=/mnt/layers$path; mkdir -p "$layer/upper" "$layer/work"
  mount -t overlay none -o "lowerdir=$path,upperdir=$layer/upper,workdir=$layer/work" "$path"
done
number=0
for path in ${words(mayWrite)}; do number=$((number + 1)); mount --rbind /mnt/kept-$number "$path"; done
cd ${quote(project)}
: >${quote(canary)}
status=0
"$@" || status=$?
find /mnt/layers -path '*/upper/*' ! -type d -printf 'wrote %P\\n' >&2
exit $status`
  return ['unshare', '--mount', 'sh', '-c', script, 'sh']
}

const without = (all: ReadonlySet<string>, others: ReadonlySet<string>) => [...all].filter((one) => !others.has(one))

const seconds = (n: number) => new Promise((resolve) => setTimeout(resolve, n * 1000))

test('from empty machines: --check, the run, and the run that changes nothing', async (t) => {
  await labReset({ nodes: NODES.length, log: t.log })
  const drops = (await labDrops()).unicast

  const idle = 10
  const hosts1 = await treesOf()
  await seconds(idle)
  const hosts2 = await treesOf()
  const began = Date.now()
  const check = await site(['--check'], undefined, layered('/var/tmp/canary'))
  t.true((Date.now() - began) / 1000 <= idle, '--check took longer than the idle time that it is held against')
  const hosts3 = await treesOf()

  t.is(check.exit, 2, [check.stderr, ...check.errors].join('\n'))
  const alive = differing(hosts1, hosts2)
  t.log(`changes by itself on idle hosts: ${alive.join(', ') || 'nothing'}`)
  t.deepEqual(
    differing(hosts2, hosts3).filter((path) => !alive.includes(path)),
    [],
    '--check changed a host',
  )
  const wrote = check.stderr.split('\n').filter((line) => line.startsWith('wrote '))
  t.deepEqual(wrote, ['wrote var/upper/tmp/canary'], '--check wrote to this computer')

  const stopWatching = watchProcesses()
  const run = await site(['--yes'])
  const processes = stopWatching()
  t.is(run.exit, 0, [run.stderr, ...run.errors].join('\n'))
  const [planned, firm, applied] = [plannedIn(check, 'firm', 'provisional'), plannedIn(check, 'firm'), appliedIn(run)]
  t.true(firm.size > 0 && applied.size > 0)
  t.deepEqual(without(applied, planned), [], 'applied, but not in the plan')
  t.deepEqual(without(applied, plannedIn(run, 'firm', 'provisional')), [], 'applied, but never shown')
  t.log(`firm, and then found true: ${without(firm, applied).join(', ') || 'nothing'}`)

  for (const program of ['playbooks/site.mjs', 'consul agent', 'nomad agent'])
    t.true(
      processes.some((text) => text.includes(program)),
      `not seen among processes: ${program}`,
    )
  const secrets = await secretLines()
  t.deepEqual(
    processes.filter((text) => secrets.some((line) => text.includes(line))).map((text) => text.slice(0, 80)),
    [],
    'a secret was in arguments or in an environment',
  )

  const again = await site(['--yes'])
  t.is(again.exit, 0, again.errors.join('\n'))
  for (const name of NODES) t.like(again.summary?.hosts[name], { changed: 0, failed: 0, roundTrips: 1 }, name)
  t.is((await site(['--check'])).exit, 0, 'whatever was planned is true now')
  t.is((await labDrops()).unicast - drops, 0, 'the machines wanted to reach what is not in the lab')
})
