import test from 'ava'
import type { RunEvent } from '../../core/terminal/events.ts'
import { FULL } from './full.ts'
import { hostSite, hostsConverged, NODES, on, tornOn, type Watch } from './machines.ts'

const kills = FULL ? 30 : 3
const seed = Number(process.env.CARAVAN_SEED ?? Date.now() % 1_000_000)

/** mulberry32: the same numbers for the same seed. */
const random = ((state: number) => () => {
  state = (state + 0x6d2b79f5) | 0
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
})(seed)

const UNIT = '/etc/systemd/system/caravan-mss-clamp.service'
const image = `docker image inspect tiny >/dev/null 2>&1 ||
tar -ch -C / $(ldd /bin/true | grep -o '/lib[^ ]*' | sed 's|^/||') bin/true | docker import - tiny >/dev/null`

const byHand = `${image}
DEBIAN_FRONTEND=noninteractive apt-get -qq -y remove bind9-dnsutils >/dev/null
apt-mark unhold docker.io >/dev/null
echo '# mine' >>${UNIT}
sed -i s/10.33.0.3/10.33.0.9/ /etc/hosts
rm -f /etc/modules-load.d/caravan-overlay.conf`

/** Ends the controller without a word at the n-th event and some milliseconds, alone or with all its ssh clients. */
const killAt = (n: number, milliseconds: number, withSsh: boolean): Watch => {
  let count = 0
  return (_: RunEvent, child) => {
    const pid = child.pid
    if (++count !== n || pid === undefined) return
    setTimeout(() => {
      if (child.exitCode === null) process.kill(withSsh ? -pid : pid, 'SIGKILL')
    }, milliseconds)
  }
}

/** What docker itself says of the number of log files, as the process that runs was started with. */
const filesOfDocker = `docker rm -f probe >/dev/null 2>&1 || :
docker create --name probe tiny true >/dev/null
docker inspect -f '{{index .HostConfig.LogConfig.Config "max-file"}}' probe
docker rm probe >/dev/null`

const started = `for unit in docker caravan-mss-clamp; do systemctl show -p ActiveState,NeedDaemonReload --value $unit; done | xargs`

let events = 0

test.before('a converged lab, and how much such a run has to tell', async (t) => {
  t.log(`CARAVAN_SEED=${seed}`)
  if (!FULL) t.log('skipped: 27 of 30 kills, which take a quarter of an hour; npm run test:lab:full has them')
  await hostsConverged(t)
  await Promise.all(NODES.map((name) => on(name, byHand)))
  events = (await hostsConverged(t, '--vars', 'docker.logMaxFiles=8')).events.length
  t.log(`${events} events`)
})
test.after.always('as it was', (t) => hostsConverged(t))

// Two values in turn, so that each run has a restart to make.
for (let index = 0; index < kills; index++) {
  const files = 6 + (index % 2)
  const vars = ['--vars', `docker.logMaxFiles=${files}`]
  const [at, delay, withSsh] = [random(), Math.floor(random() * 200), random() < 0.5]
  const how = `at ${(at * 100).toFixed()} % of its events + ${delay} ms, ${withSsh ? 'with its ssh clients' : 'alone'}`
  test(`kill -9 of the controller ${how}: the next run mends all of it (seed ${seed}, ${index + 1})`, async (t) => {
    await Promise.all(NODES.map((name) => on(name, byHand)))
    const n = Math.max(1, Math.floor(at * (events - 1)))
    const killed = await hostSite(['--yes', '--lock-wait', '300', ...vars], killAt(n, at < 0.9 ? delay : 0, withSsh))
    t.log(`killed after ${killed.events.length} events: ${last(killed.events)}`)
    t.is(killed.exit, null, 'it ended by itself')

    const next = await hostSite(['--yes', '--lock-wait', '300', ...vars])
    t.is(next.exit, 0, [next.stderr, ...next.errors].join('\n'))
    t.is((await hostSite(['--check', ...vars])).exit, 0)
    for (const name of NODES) {
      t.is(await tornOn(name), '', name)
      t.is(await on(name, filesOfDocker), String(files), `${name}: docker runs with older settings`)
      t.is(await on(name, started), 'active no active no', name)
      t.true(Number(await on(name, leaseLeft)) <= 60, `${name}: the lease of the dead run never ends`)
      await t.notThrowsAsync(
        on(name, `python3 -m json.tool /etc/docker/daemon.json; dig -v; if grep mine ${UNIT}; then false; fi`),
      )
    }
  })
}

/** Seconds until the lease that a dead run left behind has ended. */
const leaseLeft = `[ -f /run/caravan/lease ] || { echo 0; exit; }; echo $(($(sed -n 2p /run/caravan/lease) - $(date +%s)))`

const last = (events: readonly RunEvent[]): string => {
  const event = events.at(-1)
  return JSON.stringify(event && 'resource' in event ? [event.event, event.host, event.resource] : event?.event)
}
