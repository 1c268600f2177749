import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { parse, stringify } from 'yaml'
import { labDir, labReboot } from '../../lab/index.ts'
import { askNomad, bodyOf, eventually, playbook, secret } from './cluster.ts'
import { saySkipped, slow } from './full.ts'
import { converged, labInventory, NODES, on, planOf, site } from './machines.ts'

// Reboots and volumes take minutes.
saySkipped('images that cannot be pulled, reboots of CrateDB, and its volumes on devices')

const CONTAINER = `docker ps -q --filter 'name=^/?crate-[0-9a-f-]{36}$' | head -n 1`

/** What the node of CrateDB on a machine says once it is in its cluster: its index, its id, and its heap. */
const nodeOn = (name: string, seconds = 180): Promise<string> =>
  eventually(
    name,
    `id=$(${CONTAINER})
pid=$(docker inspect -f '{{.State.Pid}}' "$id")
nsenter -t "$pid" -n curl -sf -o /dev/null http://127.0.0.1:4200/
env=$(tr '\\0' '\\n' <"/proc/$pid/environ")
printf '%s ' "$(echo "$env" | sed -n 's/^NOMAD_ALLOC_INDEX=//p')" "$(grep -oE '"id":"[0-9a-f]+"' "/proc/$pid/root/data/data/node.json")"
echo "$env" | sed -n 's/^CRATE_HEAP_SIZE=//p'`,
    seconds,
  )
const nodes = () => Promise.all(NODES.map((name) => nodeOn(name)))
const withoutHeap = (all: readonly string[]) => all.map((line) => line.split(' ').slice(0, 2).join(' '))

const kill = (name: string) => on(name, `docker kill $(${CONTAINER}) >/dev/null`)

const changesNothing = async (t: ExecutionContext, ...args: readonly string[]) => {
  const again = await site(['--yes', ...args])
  t.is(again.exit, 0, [again.stderr, ...again.errors].join('\n'))
  for (const [name, host] of Object.entries(again.summary?.hosts ?? {}))
    t.like(host, { changed: 0, roundTrips: 1 }, name)
}

test('three nodes on three hosts in one cluster; again nothing changes, in one round trip', async (t) => {
  await converged(t)
  t.deepEqual(
    (await nodes()).map((line) => line.split(' ')[0]),
    ['0', '1', '2'],
  )
  await changesNothing(t)
  t.regex(await playbook('status', '--roles', 'storage,crate'), /all is well$/)
})

test('the same index comes back to its data: task kill, restart of Nomad, restart of Docker', async (t) => {
  await converged(t)
  const before = await nodes()
  await kill('node-2')
  await sleep(3000)
  t.deepEqual(await nodes(), before, 'after a task kill')
  await on('node-1', 'systemctl restart nomad')
  t.deepEqual(await nodes(), before, 'after a restart of Nomad')
  await on('node-3', 'systemctl restart docker')
  await sleep(3000)
  t.deepEqual(await nodes(), before, 'after a restart of Docker')
})

slow('the same index comes back to its data: a reboot, and a reboot of all', async (t) => {
  await converged(t)
  const before = await nodes()
  await labReboot('node-2')
  t.deepEqual(await nodes(), before, 'after a reboot')
  await labReboot(...NODES)
  t.deepEqual(await nodes(), before, 'after a reboot of all')
})

/** Five clients on node-1 ask the HAProxy of node-2 fifty times a second for as long as the work takes: how each was answered. */
const asking = async (work: () => Promise<void>): Promise<readonly Readonly<{ status: string; seconds: number }>[]> => {
  await on(
    'node-1',
    `rm -f /run/answers.*
cat >/run/ask <<'END'
for client in 1 2 3 4 5; do
  stdbuf -oL curl -s -m 10 --rate 10/s -w '%{http_code} %{time_total}\\n' -o /dev/null 'http://node-2:4200/?[1-1000000]' >/run/answers.$client &
done
wait
END
systemd-run -q --unit=asking --collect sh /run/ask`,
  )
  try {
    await work()
  } finally {
    await on('node-1', 'systemctl stop asking || :')
  }
  return (await on('node-1', 'cat /run/answers.*')).split('\n').flatMap((line) => {
    const [status, seconds] = line.split(' ')
    return status === undefined || seconds === undefined ? [] : [{ status, seconds: Number(seconds) }]
  })
}

type Allocation = { Name: string; JobVersion: number; CreateTime: number; DeploymentStatus: { Timestamp: string } }

test('another heap rolls one node at a time, each with its data, and no request fails meanwhile', async (t) => {
  await converged(t)
  const before = await nodes()
  const began = performance.now()
  const answers = await asking(async () => {
    const ran = await site(['--yes', '--vars', 'crate.heap=72m'])
    t.is(ran.exit, 0, ran.errors.join('\n'))
  })
  const failed = answers.filter(({ status }) => status !== '200' && status !== '401')
  const slowest = Math.max(...answers.map(({ seconds }) => seconds))
  const rate = answers.length / ((performance.now() - began) / 1000)
  t.log(
    `${answers.length} requests, ${rate.toFixed(0)} a second, ${failed.length} failed, the slowest took ${slowest.toFixed(3)} s`,
  )
  t.deepEqual(failed, [])
  t.true(answers.length > 1000, 'hardly any request was made')
  const after = await nodes()
  t.deepEqual(withoutHeap(after), withoutHeap(before))
  t.true(after.every((line) => line.endsWith(' 72m')))
  const all = bodyOf(
    await askNomad('node-1', await secret('nomad-management-token'), '/v1/job/crate/allocations'),
  ) as Allocation[]
  const newest = Math.max(...all.map(({ JobVersion }) => JobVersion))
  const rolled = all.filter(({ JobVersion }) => JobVersion === newest).sort((a, b) => a.CreateTime - b.CreateTime)
  t.is(rolled.length, 3)
  for (const [index, one] of rolled.entries()) {
    const last = rolled[index - 1]
    if (last !== undefined)
      t.true(
        one.CreateTime / 1e6 > Date.parse(last.DeploymentStatus.Timestamp),
        `${one.Name} before ${last.Name} was well`,
      )
  }
  await converged(t)
})

slow('an image that cannot be pulled: the reason, and never again by itself', async (t) => {
  await converged(t)
  const { image } = parse(readFileSync(labInventory(), 'utf8')).vars.crate
  const vars = ['--vars', `crate.image=${image}-nowhere`, '--vars', 'crate.healthyDeadline=20']
  const ran = await site(['--yes', ...vars])
  t.is(ran.exit, 1)
  t.regex(ran.errors.join(), /the deployment of crate failed: .*crate\.crate\[\d\] on node-\d: Failed to pull/)
  const again = await site(['--yes', '--roles', 'crate', ...vars])
  t.is(again.exit, 1)
  t.is(again.summary?.hosts['node-1']?.changed, 0)
  t.regex(again.errors.join(), /the same job is not submitted again by itself: change it, or raise crate\.attempt/)
  await converged(t)
  t.is((await nodes()).length, 3)
})

slow('a volume on a device: formatted when blank, and without it nothing starts and nothing is written', async (t) => {
  await converged(t)
  const room = mkdtempSync(join(tmpdir(), 'caravan-volume-'))
  const [image, device] = [join(room, 'volume'), '/dev/disk/by-id/scsi-0HC_Volume_2']
  writeFileSync(image, '')
  truncateSync(image, 200 * 1024 * 1024)
  const loop = execFileSync('losetup', ['-f', '--show', image], { encoding: 'utf8' }).trim()
  // a machine's /dev is empty again after each boot
  const attach = () => on('node-2', `mkdir -p /dev/disk/by-id; mknod ${device} b 7 ${loop.replace('/dev/loop', '')}`)
  const detach = () => on('node-2', `rm ${device}`)
  const inventory = parse(readFileSync(labInventory(), 'utf8'))
  inventory.hosts['node-2'].vars = { storage: { volumes: { 'crate-data': { device, path: '/srv/crate' } } } }
  const own = join(labDir(), 'volume.yaml')
  writeFileSync(own, stringify(inventory, { lineWidth: 0 }))
  process.env.CARAVAN_AGE_IDENTITY = join(labDir(), 'age-identity.txt')
  const run = (...args: readonly string[]) => site(['--inventory', own, ...args])
  t.teardown(async () => {
    await on(
      'node-2',
      'umount /srv/crate || :; chattr -i /srv/crate; rmdir /srv/crate; sed -i "/srv.crate/d" /etc/fstab',
    )
    execFileSync('losetup', ['-d', loop])
    rmSync(room, { recursive: true })
    rmSync(own)
  })

  const missing = await run('--yes')
  t.is(missing.exit, 1)
  t.regex(missing.errors.join(), /there is no \/dev\/disk\/by-id\/scsi-0HC_Volume_2: attach the volume to this host/)

  await attach()
  const first = await run('--yes')
  t.is(first.exit, 0, first.errors.join('\n'))
  await kill('node-2')
  await sleep(3000)
  const here = await nodeOn('node-2')
  t.is(await on('node-2', 'stat -c %u:%a /srv/crate/data'), '1000:750')

  await kill('node-2')
  await on('node-2', 'umount /srv/crate')
  await sleep(40_000)
  t.is(await on('node-2', 'find /srv/crate'), '/srv/crate', 'something was written to the bare directory')
  t.is(await on('node-2', CONTAINER), '')
  const token = await secret('nomad-management-token')
  t.regex(
    await askNomad('node-1', token, '/v1/job/crate/allocations'),
    /bind source path does not exist: \/srv\/crate\/data/,
  )
  const check = await run('--check')
  t.is(check.exit, 2)
  t.true(planOf(check, 'node-2').includes('firm mount /srv/crate: mounted'))
  t.is((await run('--yes')).exit, 0)
  t.is(await nodeOn('node-2', 400), here, 'after it was mounted again')

  await labReboot('node-2')
  await sleep(10_000)
  t.regex(await on('node-2', 'journalctl -u nomad -b -o cat'), /failed to validate volume crate-data\[1\]/)
  t.is(await on('node-2', 'find /srv/crate'), '/srv/crate')
  await detach().catch(() => {})
  await attach()
  t.is((await run('--yes')).exit, 0)
  t.is(await nodeOn('node-2', 400), here, 'after a boot without it')
})
