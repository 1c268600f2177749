import test from 'ava'
import { hostSite, hostsConverged, invocationOf, NODES, on, planOf, tornOn } from './machines.ts'

const NODE = 'node-1'
const DAEMON = '/etc/docker/daemon.json'
const CLAMP = '/etc/systemd/system/caravan-mss-clamp.service'

/** What was done by hand, what `--check` must say then, and which units the run must restart: these and no others. */
type Case = Readonly<{
  title: string
  byHand: string
  plan: readonly string[]
  restarts?: readonly ('docker' | 'caravan-mss-clamp')[]
  /** Further flags of both runs. */
  flags?: readonly string[]
  /** A command line that must succeed on the machine after the run. */
  mended?: string
}>

const sed = (expression: string, path: string) => `sed -i ${JSON.stringify(expression)} ${path}`
const restartDocker = 'systemctl restart docker'

const cases: readonly Case[] = [
  {
    title: 'a unit file edited by hand',
    byHand: `echo '# mine' >>${CLAMP}`,
    plan: [`firm file ${CLAMP}: content`, 'firm service caravan-mss-clamp.service: definition, restart'],
    restarts: ['caravan-mss-clamp'],
    mended: `! grep -q mine ${CLAMP}`,
  },
  {
    title: 'a unit restarted by hand after an edit',
    byHand: `echo '# mine' >>${CLAMP}; systemctl daemon-reload; systemctl restart caravan-mss-clamp`,
    plan: [`firm file ${CLAMP}: content`, 'firm service caravan-mss-clamp.service: restart'],
    restarts: ['caravan-mss-clamp'],
  },
  {
    title: 'the tables of packets flushed by hand',
    byHand: 'iptables -t mangle -F FORWARD',
    plan: ['firm command the MSS clamp is in place: guard'],
    restarts: ['caravan-mss-clamp'],
    mended: 'iptables -t mangle -S FORWARD | grep -q TCPMSS',
  },
  {
    title: 'a setting edited by hand',
    byHand: sed('s/50m/51m/', DAEMON),
    plan: [`firm json ${DAEMON}: log-opts.max-size`, 'firm service docker.service: restart'],
    restarts: ['docker'],
  },
  {
    title: 'a setting edited by hand and docker restarted by hand',
    byHand: `${sed('s/50m/51m/', DAEMON)}; ${restartDocker}`,
    plan: [`firm json ${DAEMON}: log-opts.max-size`, 'firm service docker.service: restart'],
    restarts: ['docker'],
  },
  {
    title: 'edited, docker restarted, and edited back: only docker is behind',
    byHand: `cp -p ${DAEMON} /root/kept; ${sed('s/50m/51m/', DAEMON)}; ${restartDocker}; mv /root/kept ${DAEMON}`,
    plan: ['firm service docker.service: restart'],
    restarts: ['docker'],
  },
  {
    title: 'edited and edited back without a restart: nothing',
    byHand: `${sed('s/50m/51m/', DAEMON)}; ${sed('s/51m/50m/', DAEMON)}`,
    plan: [],
  },
  { title: 'docker restarted by hand: nothing', byHand: restartDocker, plan: [] },
  {
    title: 'a unit stopped by hand',
    byHand: 'systemctl stop docker.service',
    plan: ['firm service docker.service: running', 'wait ready docker answers: ready'],
    restarts: ['docker'],
  },
  {
    title: 'a unit and its socket stopped by hand',
    byHand: 'systemctl stop docker.socket docker.service',
    plan: ['firm service docker.service: running', 'wait ready docker answers: ready'],
    restarts: ['docker'],
  },
  {
    title: 'a package removed',
    byHand: 'DEBIAN_FRONTEND=noninteractive apt-get -qq -y remove bind9-dnsutils',
    plan: ['firm package bind9-dnsutils: state'],
    mended: 'dig -v',
  },
  {
    title: 'a mode changed: a service may not have been able to read it',
    byHand: `chmod 0600 ${DAEMON}`,
    plan: [`firm json ${DAEMON}: mode`, 'firm service docker.service: restart'],
    restarts: ['docker'],
    mended: `[ "$(stat -c %a ${DAEMON})" = 644 ]`,
  },
  {
    title: 'the mode of a directory changed',
    byHand: 'chmod 0700 /etc/docker',
    plan: ['firm directory /etc/docker: mode'],
    mended: '[ "$(stat -c %a /etc/docker)" = 755 ]',
  },
  {
    title: "a key of somebody else's added: it stays, and docker takes it up",
    byHand: sed('s/^{/{ \\"max-concurrent-downloads\\": 7,/', DAEMON),
    plan: ['firm service docker.service: restart'],
    restarts: ['docker'],
    mended: `grep -q max-concurrent-downloads ${DAEMON}`,
  },
  {
    title: "a setting edited beside a key of somebody else's",
    byHand: sed('s/50m/51m/', DAEMON),
    plan: [`firm json ${DAEMON}: log-opts.max-size`, 'firm service docker.service: restart'],
    restarts: ['docker'],
    mended: `grep -q max-concurrent-downloads ${DAEMON}`,
  },
  {
    title: 'a sysctl changed live',
    byHand: 'echo 0 >/proc/sys/net/ipv4/ip_forward',
    plan: ['firm sysctl net.ipv4.ip_forward: live'],
    mended: 'grep -qx 1 /proc/sys/net/ipv4/ip_forward',
  },
  {
    title: 'the hosts block edited, and a line beside it',
    byHand: `${sed('s/^10.33.0.3 .*/10.33.0.9 node-2/', '/etc/hosts')}; echo '192.0.2.1 mine' >>/etc/hosts`,
    plan: ['firm block /etc/hosts#cluster: block'],
    mended: "grep -qx '10.33.0.3 node-2' /etc/hosts && grep -qx '192.0.2.1 mine' /etc/hosts",
  },
  {
    title: 'the file of a kernel module removed',
    byHand: 'rm /etc/modules-load.d/caravan-overlay.conf',
    plan: ['firm kernelModule overlay: persisted'],
  },
  {
    title: 'a unit disabled',
    byHand: 'systemctl disable docker.service',
    plan: ['firm service docker.service: enabled'],
    mended: 'systemctl is-enabled docker.service',
  },
  {
    title: 'a unit masked',
    byHand: 'systemctl mask docker.service',
    plan: ['firm service docker.service: enabled'],
    mended: 'systemctl is-enabled docker.service',
  },
  {
    title: 'a hold removed: no reason to restart',
    byHand: 'apt-mark unhold docker.io',
    plan: ['firm package docker.io: hold'],
    mended: 'apt-mark showhold | grep -qx docker.io',
  },
  {
    title: 'a var changed',
    byHand: ':',
    flags: ['--vars', 'docker.logMaxFiles=5'],
    plan: [`firm json ${DAEMON}: log-opts.max-file`, 'firm service docker.service: restart'],
    restarts: ['docker'],
    // the running daemon's own word for it
    mended: `[ "$(docker inspect -f '{{index .HostConfig.LogConfig.Config "max-file"}}' $(docker create tiny true))" = 5 ]`,
  },
]

const units = ['docker', 'caravan-mss-clamp'] as const
const invocations = () => Promise.all(units.map((unit) => invocationOf(NODE, unit)))
const container = () => on(NODE, "docker inspect -f '{{.State.Running}} {{.State.Pid}} {{.State.StartedAt}}' survivor")

test.before('a converged lab with a container that runs', async (t) => {
  await hostsConverged(t)
  // Nomad asks Docker again and again, and by its socket would start what a test stops
  await on(NODE, 'systemctl stop nomad 2>/dev/null || :')
  // an image out of the machine itself, since there is no registry in the lab
  await on(
    NODE,
    `docker rm -f survivor >/dev/null 2>&1 || :
tar -ch -C / $(ldd /bin/sleep /bin/true | grep -o '/lib[^ ]*' | sort -u | sed 's|^/||') bin/sleep bin/true | docker import - tiny
docker run -d --name survivor --network none tiny sleep infinity`,
  )
})

test.after.always('as it was', async () => {
  await on(NODE, "docker rm -f survivor; sed -i '/ mine$/d' /etc/hosts; systemctl start nomad 2>/dev/null || :")
  await Promise.all(NODES.map((name) => on(name, `${sed('/max-concurrent-downloads/d', DAEMON)}`)))
})

for (const { title, byHand, plan, restarts = [], flags = [], mended = 'true' } of cases) {
  test(`drift: ${title}`, async (t) => {
    await on(NODE, byHand)
    const [before, kept] = [await invocations(), await on(NODE, 'systemctl is-active docker || true')]
    const check = await hostSite(['--check', '--limit', NODE, ...flags])
    t.deepEqual(planOf(check, NODE), plan, check.errors.join('\n'))
    t.is(check.exit, plan.length > 0 ? 2 : 0)
    t.deepEqual(await invocations(), before, '--check must not start anything')
    t.is(await on(NODE, 'systemctl is-active docker || true'), kept, '--check must not start anything')

    const was = kept === 'active' ? await container() : undefined
    const run = await hostSite(['--yes', '--limit', NODE, ...flags])
    t.is(run.exit, 0, run.errors.join('\n'))
    t.is(run.summary?.hosts[NODE]?.changed, plan.filter((line) => line.startsWith('firm')).length)
    const after = await invocations()
    t.deepEqual(
      units.filter((_, index) => before[index] !== after[index]),
      units.filter((unit) => restarts.includes(unit)),
      'restarted',
    )
    if (was !== undefined) t.is(await container(), was, 'the container lives on')
    await t.notThrowsAsync(on(NODE, mended))
    t.is(await tornOn(NODE), '')
  })
}

test('drift: with everything mended, nothing is found', async (t) => {
  t.is((await hostSite(['--check', '--limit', NODE, '--vars', 'docker.logMaxFiles=5'])).exit, 0)
})
