import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import test from 'ava'
import { parse } from 'yaml'
import { isImmutable, serve, target, upstreams } from '../../lab/apt-proxy.ts'
import { parseSources, sourceLines } from '../../lab/apt-sources.ts'
import { overlaps } from '../../lab/clashes.ts'
import { CONTROLLER_LINK, labNodes, labPath, PRIVATE, PROXY_PORT, PUBLIC, PUBLIC_NAME } from '../../lab/config.ts'
import { parseDrops } from '../../lab/firewall.ts'
import {
  labDrops,
  labKill,
  labReboot,
  labReset,
  labStart,
  labStatus,
  labStop,
  labUp,
  nodeNamed,
} from '../../lab/index.ts'
import { waitFor } from '../../lab/processes.ts'
import { attempt, run } from '../../lab/shell.ts'
import { ssh, sshOptions } from '../../lab/ssh.ts'

const log = () => {}
const nodes = labNodes(3)
const [one, two, three] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]]

/** What a command line prints on a machine; fails the test when it fails. */
async function on(node: typeof one, command: string): Promise<string> {
  const { code, stdout, stderr } = await ssh(node, command)
  if (code !== 0) throw new Error(`${node.name}: ${command}: exit ${code}: ${stderr}`)
  return stdout.trim()
}

test.before(async () => {
  await labUp({ log })
})

test.serial('every machine has booted Debian 12 with nothing failed', async (t) => {
  for (const node of nodes) {
    t.is(await on(node, 'systemctl is-system-running'), 'running')
    t.is(await on(node, '. /etc/os-release; echo "$ID $VERSION_ID"; cat /etc/hostname'), `debian 12\n${node.name}`)
  }
  const ids = await Promise.all(nodes.map((node) => on(node, 'cat /etc/machine-id')))
  t.is(new Set(ids).size, 3)
})

test.serial('the interfaces look like those of Hetzner', async (t) => {
  for (const node of nodes) {
    const links = JSON.parse(await on(node, 'ip -4 -json address show scope global')) as Link[]
    const shape = links.map(({ ifname, mtu, addr_info: [address] }) => [
      ifname,
      mtu,
      address?.local,
      address?.prefixlen,
      address?.dynamic,
    ])
    t.deepEqual(shape.slice(0, 2), [
      ['eth0', 1500, node.address, 32, true],
      ['enp7s0', PRIVATE.mtu, node.privateIp, 32, true],
    ])
  }
})

type Link = {
  ifname: string
  mtu: number
  addr_info: { local: string; prefixlen: number; dynamic?: boolean }[]
}

test.serial('the routes are those of Hetzner', async (t) => {
  const routes = JSON.parse(await on(one, 'ip -4 -json route')) as { dst: string; gateway?: string; dev: string }[]
  const route = (dst: string) => {
    const { gateway, dev } = routes.find((route) => route.dst === dst) ?? {}
    return [gateway, dev]
  }
  t.deepEqual(route('default'), [PUBLIC.gateway, 'eth0'])
  t.deepEqual(route(PUBLIC.gateway), [undefined, 'eth0'])
  t.deepEqual(route(PRIVATE.network), [PRIVATE.gateway, 'enp7s0'])
  t.deepEqual(route(PRIVATE.gateway), [undefined, 'enp7s0'])
  const seen = (await on(one, 'ls /sys/class/net')).split('\n')
  t.true(seen.includes('enp7s0') && !seen.includes(CONTROLLER_LINK), 'its own interfaces, not those of this computer')
})

test.serial('names resolve through the stub of systemd-resolved', async (t) => {
  t.is(await on(one, 'readlink -f /etc/resolv.conf'), '/run/systemd/resolve/stub-resolv.conf')
  t.is(await on(one, `getent hosts ${PUBLIC_NAME} | cut -d' ' -f1`), PUBLIC.dns)
  t.is((await ssh(one, 'getent hosts deb.debian.org')).code, 2)
  t.regex(await on(one, 'resolvectl dns eth0'), new RegExp(`: ${PUBLIC.dns}$`))
})

test.serial('netplan applies its files and the connection lives on', async (t) => {
  t.is(
    await on(one, 'ls -x /etc/netplan | xargs; stat -c %a /etc/netplan/*'),
    '50-cloud-init.yaml 60-private.yaml\n600\n600',
  )
  await on(one, 'netplan apply 2>&1')
  const addresses = () => on(one, 'ip -4 -o address show enp7s0 | wc -l')
  t.true(await waitFor(async () => (await addresses()) === '1', 10), 'networkd asks for its address again')
})

test.serial('the machines reach each other over the private network, up to its MTU', async (t) => {
  for (const from of nodes) {
    for (const to of nodes) await on(from, `ping -c 1 -W 2 -M do -s ${PRIVATE.mtu - 28} ${to.privateIp}`)
  }
  t.not((await ssh(one, `ping -c 1 -W 1 -M do -s ${PRIVATE.mtu - 27} ${two.privateIp}`)).code, 0)
  t.regex(await on(one, `timeout 5 bash -c 'read -r line </dev/tcp/${two.privateIp}/22; echo "$line"'`), /^SSH-/)
  await on(two, `systemd-run --quiet --unit=lab-udp ${UDP_ECHO}`)
  t.is(await on(one, `python3 -c '${UDP_ASK}' ${two.privateIp}`), `${one.privateIp} says hello`)
})

const UDP_ECHO = `python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 9999))
data, (address, port) = s.recvfrom(99)
s.sendto(address.encode() + b" says " + data, (address, port))'`
const UDP_ASK = `import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
for attempt in range(5):
  s.sendto(b"hello", (sys.argv[1], 9999))
  try: print(s.recv(99).decode()); break
  except TimeoutError: pass`

test.serial('this computer reaches the ports of the public interface, and not the private network', async (t) => {
  await on(two, `systemd-run --quiet --unit=lab-http python3 -m http.server 8080 --directory /etc/netplan`)
  try {
    await attempt(['curl', '--retry', '5', '--retry-connrefused', '-s', `http://${two.address}:8080/`])
    t.regex(await run(['curl', '-s', '-m', '5', `http://${two.address}:8080/`]), /50-cloud-init.yaml/)
  } finally {
    await on(two, 'systemctl stop lab-http')
  }
  t.notRegex((await attempt(['ip', 'route', 'get', two.privateIp])).stdout, new RegExp(CONTROLLER_LINK))
})

test.serial('apt works through the proxy', async (t) => {
  await on(three, 'apt-get update -q')
  t.regex(await on(three, 'apt-cache policy docker.io'), /Candidate: \d/)
})

test.serial('the proxy forwards to the apt sources only', async (t) => {
  const asked = await ssh(one, `curl -s -x http://${PUBLIC.controller}:${PROXY_PORT} http://example.com/`)
  t.regex(asked.stdout, /forwards to .* only/)
})

test.serial('the inventory carries the keys that the machines show', async (t) => {
  const inventory = parse(readFileSync(labPath('inventory.yaml'), 'utf8'))
  t.deepEqual(Object.keys(inventory), ['cluster', 'downloads', 'vars', 'groups', 'hosts'])
  t.deepEqual(inventory.groups.servers, ['node-1', 'node-2', 'node-3'])
  for (const node of nodes) {
    const shown = await run(['ssh-keyscan', '-t', 'ed25519', node.address])
    const { address, privateIp, slot, hostKeys } = inventory.hosts[node.name]
    t.deepEqual({ address, privateIp, slot }, { address: node.address, privateIp: node.privateIp, slot: node.slot })
    t.is(shown.trim().split(' ').slice(1).join(' '), hostKeys[0])
  }
})

test.serial('deploy has sudo with a password, ops without', async (t) => {
  const as = (user: string, command: string) =>
    attempt(['ssh', ...sshOptions(), '-o', 'BatchMode=yes', `${user}@${one.address}`, command])
  t.is((await as('deploy', 'sudo -k; sudo -n id -u')).code, 1)
  t.is((await as('deploy', 'echo caravan-lab | sudo -S -p "" id -u; sudo -k')).stdout, '0\n')
  t.is((await as('ops', 'sudo -n id -u')).stdout, '0\n')
})

test.serial('kernel modules and sysctls can be set as on a machine', async (t) => {
  await on(one, 'modprobe br_netfilter && modprobe overlay')
  t.is(await on(one, 'sysctl -n net.bridge.bridge-nf-call-iptables'), '1')
  await on(one, 'sysctl -w net.ipv4.ip_local_reserved_ports=4646')
  t.is(await on(two, 'sysctl -n net.ipv4.ip_local_reserved_ports'), '', 'it is of one machine only')
  await on(one, 'mkdir /sys/fs/cgroup/memory/lab && rmdir /sys/fs/cgroup/memory/lab')
})

test.serial('up does nothing when the lab is up', async (t) => {
  const { mtimeMs } = statSync(labPath('inventory.yaml'))
  const said: string[] = []
  const start = performance.now()
  const lab = await labUp({ log: (line) => said.push(line) })
  t.true(performance.now() - start < 200)
  t.deepEqual(said, [])
  t.is(statSync(labPath('inventory.yaml')).mtimeMs, mtimeMs)
  t.is(lab.inventory, labPath('inventory.yaml'))
  t.deepEqual(
    lab.nodes.map(({ name }) => name),
    ['node-1', 'node-2', 'node-3'],
  )
})

test.serial('a reboot undoes what is not on disk', async (t) => {
  await on(three, 'touch /root/kept /run/lost; ip address add 10.99.0.1/32 dev enp7s0')
  const boot = await on(three, 'cat /proc/sys/kernel/random/boot_id')
  await labReboot('node-3')
  t.not(await on(three, 'cat /proc/sys/kernel/random/boot_id'), boot)
  t.is(await on(three, 'ls /root/kept /run/lost 2>/dev/null; ip -4 -o address show enp7s0 | wc -l'), '/root/kept\n1')
})

test.serial('a machine can reboot itself', async (t) => {
  const boot = await on(three, 'cat /proc/sys/kernel/random/boot_id')
  await ssh(three, 'systemctl reboot')
  let now = boot
  for (let tries = 0; now === boot && tries < 60; tries++) {
    await sleep(250)
    const { code, stdout } = await ssh(three, 'cat /proc/sys/kernel/random/boot_id')
    if (code === 0) now = stdout.trim()
  }
  t.not(now, boot)
})

test.serial('a machine that is off is silent, and comes back with its disk', async (t) => {
  for (const turnOff of [labStop, labKill]) {
    await turnOff('node-3')
    t.is((await labStatus())[2]?.state, 'off')
    t.regex((await attempt(['ssh', '-o', 'ConnectTimeout=1', `root@${three.address}`, 'true'])).stderr, /timed out/)
    await labStart('node-3')
    t.is(await on(three, 'ls /root/kept'), '/root/kept')
  }
})

test.serial('up starts what is off', async (t) => {
  await labStop('node-3')
  await labUp({ log })
  t.deepEqual(
    (await labStatus()).map(({ state }) => state),
    ['up', 'up', 'up'],
  )
})

test.serial('reset makes a machine new, and leaves the others and all keys alone', async (t) => {
  const id = await on(three, 'cat /etc/machine-id')
  const boot = await on(one, 'cat /proc/sys/kernel/random/boot_id')
  await labReset({ names: ['node-3'], log })
  t.is((await ssh(three, 'ls /root/kept')).code, 2)
  t.not(await on(three, 'cat /etc/machine-id'), id)
  t.is(await on(one, 'cat /proc/sys/kernel/random/boot_id'), boot)
  t.is(await on(three, 'ls /var/lib/apt/lists/ | grep -c Packages || true'), '0')
})

test.serial('idle machines send nothing out of the lab, and what does is counted', async (t) => {
  const before = await labDrops()
  await sleep(5000)
  t.is((await labDrops()).unicast, before.unicast)
  await ssh(one, 'ping -c 1 -W 1 10.33.99.99; timeout 1 bash -c "echo >/dev/tcp/198.18.99.1/80"')
  const after = await labDrops()
  t.true(after.unicast >= before.unicast + 2)
  t.true(after.to.includes(`${one.address} 198.18.99.1 6 80`) || after.to.includes(`${one.address} 198.18.99.1 tcp 80`))
})

const cli = (...args: string[]) =>
  promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../playbooks/lab.mjs'), ...args]).then(
    ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  )

for (const [args, stderr] of [
  [['stauts'], /^lab: no command "stauts" \(did you mean "status"\?\)\n$/],
  [['up', '--node', '3'], /unknown flag --node \(did you mean "--nodes"\?\)/],
  [['up', '--nodes', 'many'], /--nodes must be a whole number from 1 to 10/],
  [['reboot', 'node1'], /^lab: no machine "node1" \(did you mean "node-1"\?\)\n$/],
  [['stop'], /stop takes the name of one machine/],
] as const) {
  test.serial(`lab.mjs ${args.join(' ')} is an error of one line`, async (t) => {
    const ran = await cli(...args)
    t.is(ran.code, 1)
    t.regex(ran.stderr, stderr)
  })
}

test.serial('lab.mjs ssh passes the command, its output and its exit status on', async (t) => {
  const ran = await cli('ssh', 'node-2', '--', 'echo "$(hostname) --limit"; exit 7')
  t.is(ran.code, 7)
  t.is(ran.stdout, 'node-2 --limit\n')
  t.throws(() => nodeNamed('nobody'), { message: /no machine "nobody"/ })
})

test('apt sources are merged by address and suite, and others are left out', (t) => {
  const listed = `http://d/debian/ bookworm main
https://s/debian-security/ bookworm-security main
http://d/debian/ bookworm contrib
cdrom:[x]/ bookworm main
https://example.com/apt stable main
`
  const sources = parseSources(listed)
  t.is(
    sourceLines(sources),
    'deb http://d/debian/ bookworm main contrib\ndeb http://s/debian-security/ bookworm-security main\n',
  )
})

test('the proxy knows its targets', (t) => {
  const allowed = upstreams(['https://s/debian-security/', 'http://d/debian'])
  t.is(target(allowed, 'http://s/debian-security/a?b')?.href, 'https://s/debian-security/a?b')
  t.is(target(allowed, 'http://d/debian/a')?.href, 'http://d/debian/a')
  for (const other of ['http://e/debian', 'https://s/a', 'http://d:81/a', '/a', 'ftp://d/a', 'http://d@e/a']) {
    t.is(target(allowed, other), undefined, other)
  }
  t.true(isImmutable(new URL('http://d/debian/pool/main/a/a_1_all.deb')))
  t.false(isImmutable(new URL('http://d/debian/dists/bookworm/InRelease')))
})

test('the proxy keeps whole packages, and asks for them once', async (t) => {
  let asked = 0
  const upstream = createServer((req, res) => {
    asked++
    if (req.url?.includes('torn')) res.writeHead(200, { 'content-length': 9 }).end('half', () => res.destroy())
    else res.end(`${req.url} ${req.method}`)
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const port = portOf(upstream)
  const directory = labPath('proxy-test')
  const proxy = await serve('127.0.0.1', 0, directory, upstreams([`http://127.0.0.1:${port}/`]))
  t.teardown(() => {
    for (const server of [upstream, proxy]) server.close().closeAllConnections()
    rmSync(directory, { recursive: true, force: true })
  })
  const get = (path: string) =>
    new Promise<string>((resolve, reject) => {
      const asking = request(
        { host: '127.0.0.1', port: portOf(proxy), path: `http://127.0.0.1:${port}${path}` },
        (res) => {
          let body = ''
          res.on('data', (data) => (body += data)).on('end', () => resolve(`${res.statusCode} ${body}`))
          res.on('error', reject)
        },
      )
      asking.on('error', reject).end()
    })
  t.is(await get('/pool/a.deb'), '200 /pool/a.deb GET')
  t.true(await waitFor(() => readdirSync(directory).some((name) => name.endsWith('.deb')), 5))
  t.is(await get('/pool/a.deb'), '200 /pool/a.deb GET')
  t.is(asked, 1)
  t.is(await get('/dists/Release'), '200 /dists/Release GET')
  await get('/dists/Release')
  t.is(asked, 3)
  await t.throwsAsync(get('/pool/torn.deb'))
  await t.throwsAsync(get('/pool/torn.deb'))
  t.is(asked, 5, 'a torn package is not kept')
})

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

test('a route clashes where it leads to one of our addresses', (t) => {
  for (const route of ['198.18.33.0/24', '198.18.0.0/15', '198.18.33.7', '198.18.33.128/25']) {
    t.true(overlaps(route, '198.18.33.0/24'), route)
  }
  for (const route of ['default', '0.0.0.0/0', '198.18.32.0/24', '10.0.0.0/8'])
    t.false(overlaps(route, '198.18.33.0/24'), route)
})

test('drops are read from nft', (t) => {
  const nftables = [
    { counter: { name: 'unicast', packets: 2 } },
    { set: { name: 'dropped', elem: [{ concat: ['10.33.0.2', '198.51.100.1', 'tcp', 80] }] } },
  ]
  const drops = parseDrops(JSON.stringify({ nftables }))
  t.deepEqual(drops, { unicast: 2, linkLocal: 0, multicast: 0, to: ['10.33.0.2 198.51.100.1 tcp 80'] })
})
