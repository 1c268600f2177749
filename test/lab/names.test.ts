import test from 'ava'
import { labNodes, PUBLIC, PUBLIC_NAME } from '../../lab/config.ts'
import { converged, invocationOf, NODES, on, planOf, site } from './machines.ts'

const NODE = 'node-2'
const SELECTED = ['--yes', '--roles', 'coredns,resolved', '--limit', NODE]
const COREFILE = '/etc/coredns/Corefile'
const DROP_IN = '/etc/systemd/resolved.conf.d/90-caravan.conf'
const CLUSTER = 'consul.service.consul'

const addresses = labNodes(NODES.length).map(({ privateIp }) => privateIp)
const nobody = PUBLIC.dns.replace(/\d+$/, '254')
const own = labNodes(NODES.length).find(({ name }) => name === NODE)?.privateIp ?? ''

/** What a program of the host is told. */
const told = async (name: string, asked: string): Promise<readonly string[]> =>
  (await on(name, `getent ahostsv4 ${asked} | cut -d ' ' -f 1 | sort -u`)).split('\n').filter(Boolean)

/** The status of an answer of CoreDNS, and the milliseconds that it took. */
const answer = async (asked: string): Promise<readonly [string, number]> => {
  const printed = await on(NODE, `dig +time=9 +tries=1 @${own} ${asked}`)
  return [/status: (\w+)/.exec(printed)?.[1] ?? printed, Number(/Query time: (\d+) msec/.exec(printed)?.[1])]
}

test.before(async (t) => void (await converged(t)))
test.beforeEach(async (t) => {
  t.deepEqual(await told(NODE, CLUSTER), addresses)
  t.true((await told(NODE, PUBLIC_NAME)).length > 0)
})

test('every host knows the servers and a public name, and no name server listens on every address', async (t) => {
  for (const name of NODES) {
    t.deepEqual(await told(name, CLUSTER), addresses)
    t.is((await told(name, PUBLIC_NAME)).length, 1)
    t.is(await on(name, "ss -Hlntu | awk '$5 ~ /^(0\\.0\\.0\\.0|\\[::\\]|\\*):(53|5353|5355)$/'"), '')
  }
})

test('without its own agent a host hears at once that a name of the cluster fails, and still knows public ones', async (t) => {
  await on(NODE, 'systemctl stop consul')
  try {
    // the first may wait until the agent is known to be dead
    t.is((await answer(CLUSTER))[0], 'SERVFAIL')
    const [status, milliseconds] = await answer(CLUSTER)
    t.is(status, 'SERVFAIL')
    t.true(milliseconds < 1000, `${milliseconds} ms`)
    t.is((await answer(PUBLIC_NAME))[0], 'NOERROR')
    t.is((await told(NODE, PUBLIC_NAME)).length, 1)
  } finally {
    await on(
      NODE,
      'systemctl start consul; until dig +short @127.0.0.1 -p 8600 consul.service.consul | grep -q .; do sleep 1; done',
    )
  }
})

test('upstreams that do not answer fail the run, with the reason, and the next run mends it', async (t) => {
  const ran = await site([...SELECTED, '--vars', `coredns.upstreams=[${nobody}]`])
  t.is(ran.exit, 1)
  t.regex(ran.errors.join('\n'), new RegExp(`coredns › ready coredns answers ${PUBLIC_NAME}: not ready within 30 s: `))
  t.is((await answer(CLUSTER))[0], 'NOERROR')
  t.is((await site(SELECTED)).exit, 0)
  t.is((await answer(PUBLIC_NAME))[0], 'NOERROR')
})

const byHand: readonly (readonly [title: string, script: string, ...plan: string[]])[] = [
  [
    'a Corefile that CoreDNS does not read, and a CoreDNS that starts again and again',
    `echo nonsense >>${COREFILE}; systemctl restart coredns; sleep 3`,
    `firm file ${COREFILE}: content`,
    'firm service coredns.service: restart',
    `wait ready coredns answers ${CLUSTER}: ready`,
    `wait ready coredns answers ${PUBLIC_NAME}: ready`,
    `wait ready systemd-resolved answers ${CLUSTER}: ready`,
  ],
  [
    'a drop-in that is gone, and a systemd-resolved that never knew it',
    `rm ${DROP_IN}; systemctl restart systemd-resolved`,
    `firm file ${DROP_IN}: state`,
    'firm service systemd-resolved.service: restart',
    `wait ready systemd-resolved answers ${CLUSTER}: ready`,
  ],
  [
    'a systemd-resolved that was stopped, and is not started by the question',
    'systemctl stop systemd-resolved',
    'firm service systemd-resolved.service: running',
    `wait ready systemd-resolved answers ${CLUSTER}: ready`,
    `wait ready systemd-resolved answers ${PUBLIC_NAME}: ready`,
  ],
]
for (const [title, script, ...plan] of byHand) {
  test(`done by hand: ${title}`, async (t) => {
    await on(NODE, script)
    const check = await site(['--check', ...SELECTED.slice(1)])
    t.is(check.exit, 2, check.errors.join('\n'))
    t.deepEqual(planOf(check, NODE), plan)
    t.is((await site(SELECTED)).exit, 0)
    t.is((await site(['--check', ...SELECTED.slice(1)])).exit, 0)
  })
}

test('a run that changes nothing restarts nothing', async (t) => {
  const started = () => Promise.all(['coredns', 'systemd-resolved'].map((unit) => invocationOf(NODE, unit)))
  const before = await started()
  const ran = await site(SELECTED)
  t.like(ran.summary?.hosts[NODE], { changed: 0, failed: 0, roundTrips: 1 })
  t.deepEqual(await started(), before)
})
