import test from 'ava'
import { labReboot, labStart, labStop } from '../../lab/index.ts'
import {
  appliedIn,
  differing,
  hostSite,
  hostsConverged,
  labInventory,
  NODES,
  on,
  planOf,
  tornOn,
  treeOf,
} from './machines.ts'

const DIRECTORIES = '/etc /usr /opt /srv /root'
const DAEMON = '/etc/docker/daemon.json'
const breakDocker = `sed -i s/50m/51m/ ${DAEMON}`
const breakBase = 'rm /etc/modules-load.d/caravan-overlay.conf'

test('--roles docker --limit node-2 touches nothing else', async (t) => {
  await hostsConverged(t)
  await Promise.all([on('node-1', breakDocker), on('node-2', `${breakBase}; ${breakDocker}`)])
  const before = await Promise.all(NODES.map((name) => treeOf(name, DIRECTORIES)))

  const run = await hostSite(['--yes', '--roles', 'docker', '--limit', 'node-2'])
  t.is(run.exit, 0, run.errors.join('\n'))
  t.deepEqual(Object.keys(run.summary?.hosts ?? {}), ['node-2'])
  t.deepEqual([...appliedIn(run)], [`node-2 › json ${DAEMON}`, 'node-2 › service docker.service'])
  const after = await Promise.all(NODES.map((name) => treeOf(name, DIRECTORIES)))
  const changed = NODES.map((_, index) => differing(before[index] ?? new Map(), after[index] ?? new Map()))
  t.deepEqual(changed, [[], [DAEMON], []], 'node-1 and the base role of node-2 stay broken')

  const check = await hostSite(['--check'])
  t.is(check.exit, 2)
  t.deepEqual(planOf(check, 'node-1'), [
    `firm json ${DAEMON}: log-opts.max-size`,
    'firm service docker.service: restart',
  ])
  t.deepEqual(planOf(check, 'node-2'), ['firm kernelModule overlay: persisted'])
  t.deepEqual(planOf(check, 'node-3'), [])
  await hostsConverged(t)
})

test('with a machine off the others converge, and the run says which one is missing and why', async (t) => {
  await hostsConverged(t)
  await Promise.all(['node-1', 'node-3'].map((name) => on(name, breakBase)))
  await labStop('node-2')
  try {
    // not --lab, which would start it again
    const began = Date.now()
    const run = await hostSite(['--yes', '--inventory', labInventory()])
    t.is(run.exit, 1)
    t.is(run.errors.length, 1)
    t.regex(run.errors.join(), /^node-2: 198\.18\.33\.12 does not answer on port 22\n.*\ntry: is it running, /)
    t.deepEqual([...appliedIn(run)].sort(), ['node-1 › kernelModule overlay', 'node-3 › kernelModule overlay'])
    t.like(run.summary?.hosts['node-2'], { changed: 0, failed: 1 })
    t.true(Date.now() - began < 60_000)
    t.is((await hostSite(['--check', '--inventory', labInventory()])).exit, 1, 'a failure outweighs what --check finds')
  } finally {
    await labStart('node-2')
  }
  const all = await hostSite(['--check', '--inventory', labInventory()])
  t.is(all.exit, 0, 'a boot is no drift')
  for (const name of NODES) t.is(await tornOn(name), '')
})

test('a reboot loses nothing', async (t) => {
  await hostsConverged(t)
  await labReboot('node-3')
  const check = await hostSite(['--check'])
  t.is(check.exit, 0, [...planOf(check, 'node-3'), ...check.errors].join('\n'))
})
