import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { PUBLIC_NAME } from '../../lab/config.ts'
import { labDir, labReboot, labStart, labStop, nodeNamed } from '../../lab/index.ts'
import { askConsul, askNomad, bodyOf, eventually, patiently, playbook, secret, secretLines } from './cluster.ts'
import { saySkipped, slow } from './full.ts'
import { converged, NODES, on, site } from './machines.ts'
import { askService, lookUpInside, namesJob, removeJob, runJob } from './names-job.ts'
import { openPorts } from './ports.ts'

saySkipped('all three rebooted')

let [consul, nomad] = ['', '']

test.before('a converged cluster, with a job in bridge mode on every node', async (t) => {
  await converged(t)
  ;[consul, nomad] = await Promise.all([secret('consul-management-token'), secret('nomad-management-token')])
  await runJob(nomad)
})
test.after.always('as it was', async (t) => {
  for (const name of NODES) await labStart(name)
  await removeJob(nomad)
  await converged(t)
})

type Raft = { Servers: { Node: string; Leader: boolean; Voter: boolean }[] }

test('three servers of each vote, and every client is ready with docker and its private address', async (t) => {
  for (const name of NODES)
    for (const answer of [
      await askConsul(name, consul, '/v1/operator/raft/configuration'),
      await askNomad(name, nomad, '/v1/operator/raft/configuration'),
    ]) {
      const { Servers } = bodyOf(answer) as Raft
      t.is(Servers.filter(({ Voter }) => Voter).length, 3, answer)
      t.is(Servers.filter(({ Leader }) => Leader).length, 1, answer)
    }
  const nodes = bodyOf(await askNomad('node-1', nomad, '/v1/nodes')) as Record<string, unknown>[]
  t.deepEqual(
    nodes.map(({ Name, Address, Status, SchedulingEligibility, Drivers }) => [
      Name,
      Address,
      Status,
      SchedulingEligibility,
      (Drivers as { docker: { Healthy: boolean } }).docker.Healthy,
    ]),
    nodes.map(({ Name }) => [Name, nodeNamed(String(Name)).privateIp, 'ready', 'eligible', true]),
  )
  t.deepEqual(nodes.map(({ Name }) => Name).sort(), [...NODES])
})

test('whoever has no token and no certificate is refused', async (t) => {
  const statusOf = (answer: string) => answer.slice(answer.lastIndexOf('\n') + 1)
  t.is(statusOf(await askConsul('node-1', '', '/v1/kv/a')), '403')
  for (const [path, body] of [
    ['/v1/kv/a', 'a'],
    ['/v1/agent/service/register', '{"Name":"a"}'],
    ['/v1/acl/token', '{}'],
  ])
    t.is(statusOf(await askConsul('node-1', '', path ?? '', `-X PUT -d '${body}'`)), '403', path)
  for (const path of ['/v1/jobs', '/v1/nodes']) t.is(statusOf(await askNomad('node-1', '', path)), '403', path)
  const job = JSON.stringify({ Job: { ...namesJob, ID: 'intruder', Name: 'intruder' } })
  t.is(statusOf(await askNomad('node-1', '', '/v1/jobs', `-X PUT -d '${job}'`)), '403')
  // servers talk to each other by TLS alone, and want to see a certificate of the cluster
  for (const port of [8300, 4647]) {
    // the first byte of Raft in the clear; a server that took it would keep the connection
    const ended = await on(
      'node-1',
      `timeout 5 bash -c 'exec 3<>/dev/tcp/10.33.0.3/${port}; printf "\\001" >&3; cat <&3' | wc -c; echo "\${PIPESTATUS[0]}"`,
    )
    t.is(ended, '0\n0', `port ${port} keeps a connection without TLS`)
  }
  t.regex(await on('node-1', 'curl -s -m 5 http://10.33.0.2:8500/v1/status/leader 2>&1 || echo refused'), /refused/)
  t.regex(
    await on('node-1', "curl -s -m 5 -w '%{http_code}' http://10.33.0.2:4646/v1/status/leader 2>&1 || echo refused"),
    /400|refused/,
  )
})

test('from outside only SSH answers, and no UDP socket is on a public or wildcard address but DHCP', async (t) => {
  for (const name of NODES) {
    t.deepEqual(await openPorts(nodeNamed(name).address), [22], name)
    const sockets = (await on(name, "ss -Hlun | awk '{print $4}'")).split('\n')
    const elsewhere = sockets.filter(
      (socket) => !/^(127\.|\[::1\]|10\.33\.0\.\d+(%\w+)?:|[\w.:[\]]+%\w+:(68|546)$)/.test(socket),
    )
    t.deepEqual(elsewhere, [], name)
  }
})

const names = ['consul.service.consul', PUBLIC_NAME]

test('the names of the cluster and of the world are known on each host and inside of a container there', async (t) => {
  for (const name of NODES)
    for (const asked of names) {
      t.regex(await on(name, `getent ahostsv4 ${asked}`), /^\d+\.\d+\.\d+\.\d+ /, `${name}: ${asked}`)
      t.regex(await eventually(name, lookUpInside(asked), 60), /Address.*\d+\.\d+\.\d+\.\d+/, `${name}: ${asked}`)
    }
})

test('with node-1 off, the others still know them', async (t) => {
  await labStop('node-1')
  for (const name of NODES.slice(1))
    for (const asked of names) {
      t.regex(await eventually(name, `getent ahostsv4 ${asked}`, 60), /^\d/, `${name}: ${asked}`)
      t.regex(await eventually(name, lookUpInside(asked), 60), /Address.*\d+\.\d+\.\d+\.\d+/, `${name}: ${asked}`)
    }
  await labStart('node-1')
  t.is((await site(['--yes', '--lock-wait', '60'])).exit, 0)
})

slow('all three rebooted at once come back by themselves, and the next run changes nothing', async (t) => {
  await labReboot(...NODES)
  await eventually('node-1', 'dig +short +time=1 +tries=1 @127.0.0.1 -p 8600 nomad.service.consul | grep -q .', 180)
  for (const name of NODES) await eventually(name, lookUpInside(names[0] ?? ''), 120)
  // it asks for a password, or answers: CrateDB is back behind each HAProxy
  const answers = `curl -s -m 5 -o /dev/null -w '%{http_code}' "http://$(hostname -I | tr ' ' '\\n' | grep '^10[.]33[.]0[.]'):4200/" | grep -qE '^(200|401)$'`
  for (const name of NODES) await eventually(name, answers, 180)
  const run = await site(['--yes'])
  t.is(run.exit, 0, run.errors.join('\n'))
  for (const name of NODES) t.like(run.summary?.hosts[name], { changed: 0, failed: 0 }, name)
})

test('status finds all well, and what is asked inside of containers too', async (t) => {
  // a machine of the test before was off: its CrateDB may still be on its way
  const told = await patiently(() => playbook('status', '--deep'), 120)
  t.notRegex(told, /^.*BAD/m, told)
})

test('a service of a job is found by SRV, with its dynamic ports on private addresses', async (t) => {
  for (const name of NODES) t.is(await eventually(name, askService, 90), '3', name)
})

const textsIn = (...directory: readonly string[]): readonly string[] =>
  readdirSync(join(labDir(), ...directory)).map((name) => readFileSync(join(labDir(), ...directory, name), 'latin1'))

test('no secret is in what is told, kept or readable', async (t) => {
  const values = await secretLines()
  const vars = ['--vars', 'consul.raftMultiplier=3', '--vars', 'nomad.logLevel=DEBUG']
  const told = await site(['--check', '--verbose', '--diff', ...vars])
  t.is(told.exit, 2, told.errors.join('\n'))
  const kept = [...textsIn('runs'), ...textsIn('facts'), told.stdout, told.stderr]
  t.deepEqual(values.filter((value) => kept.some((text) => text.includes(value))).length, 0)
  for (const name of NODES)
    t.is(
      await on(
        name,
        `umask 077; cat >/run/patterns <<'END'
${values.join('\n')}
END
{ find / -xdev -type f -perm -004 -size -2000k -print0 | xargs -0r grep -lFf /run/patterns
journalctl --no-pager -q | grep -Ff /run/patterns | cut -c1-60
for process in /proc/[0-9]*; do
  # this script is in the arguments of its own shell
  if tr '\\0' '\\n' <$process/cmdline | grep -q run/patterns; then continue; fi
  cat $process/cmdline $process/environ | tr '\\0' '\\n' | grep -Ff /run/patterns | cut -c1-20
done 2>/dev/null; } || :
rm -f /run/patterns`,
      ),
      '',
      name,
    )
})
