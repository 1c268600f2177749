import { X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { generateIdentity } from 'age-encryption'
import test, { type ExecutionContext } from 'ava'
import { parse, stringify } from 'yaml'
import type { CertificateAuthority } from '../../core/declare/means.ts'
import { issue } from '../../core/resources/shared/issue.ts'
import { asAuthority } from '../../core/secrets/authority.ts'
import { labDir, labReset, labStart, labStop, labUp, nodeNamed } from '../../lab/index.ts'
import { askConsul, askNomad, bodyOf, eventually, secret } from './cluster.ts'
import { FULL, saySkipped, slow } from './full.ts'
import { invocationOf, labInventory, NODES, on, type Ran, site } from './machines.ts'
import { openPorts } from './ports.ts'

// What a cluster may meet in its life; an hour of machines, so by hand.
saySkipped('the life of a cluster')

const room = mkdtempSync(join(tmpdir(), 'caravan-life-'))
test.after.always('as it was', async (t) => {
  rmSync(room, { recursive: true, force: true })
  if (FULL) await labReset({ nodes: NODES.length, log: t.log })
})

type Inventory = {
  cluster: Record<string, unknown>
  versions?: Record<string, string>
  vars: Record<string, Record<string, unknown>>
  groups: Record<string, string[]>
  hosts: Record<string, unknown>
}

/** Runs the site with the lab's inventory, changed; it stays beside the lab's, where secrets and lock are. */
const siteWith = async (edit: (inventory: Inventory) => void, ...args: readonly string[]): Promise<Ran> => {
  const inventory = parse(readFileSync(labInventory(), 'utf8')) as Inventory
  edit(inventory)
  const path = join(labDir(), 'own.yaml')
  writeFileSync(path, stringify(inventory, { lineWidth: 0 }))
  const identity = join(labDir(), 'age-identity.txt')
  if (!existsSync(identity)) writeFileSync(identity, `${await generateIdentity()}\n`, { mode: 0o600 })
  process.env.CARAVAN_AGE_IDENTITY = identity
  return site(['--inventory', path, ...args])
}

const asItIs = () => {}
const good = (t: ExecutionContext, ran: Ran) => t.is(ran.exit, 0, [ran.stderr, ...ran.errors].join('\n'))

const nothingLeft = (t: ExecutionContext, again: Ran) => {
  good(t, again)
  for (const [name, host] of Object.entries(again.summary?.hosts ?? {}))
    t.like(host, { changed: 0, failed: 0, roundTrips: 1 }, name)
}

type Raft = { Servers: { Voter: boolean; Leader: boolean }[] }
const voters = (answer: string) => (bodyOf(answer) as Raft).Servers.filter(({ Voter }) => Voter).length

/** Consul's and Nomad's voters, as a server tells them. */
const votersOf = async (name: string) =>
  Promise.all([
    askConsul(name, await secret('consul-management-token'), '/v1/operator/raft/configuration').then(voters),
    askNomad(name, await secret('nomad-management-token'), '/v1/operator/raft/configuration').then(voters),
  ])

const only = (servers: readonly string[], nodes: number) => (inventory: Inventory) => {
  inventory.groups = { servers: [...servers] }
  inventory.vars.crate = { ...inventory.vars.crate, nodes }
}

slow('one node of one', async (t) => {
  await labReset({ nodes: 1, log: t.log })
  const alone = only(['node-1'], 1)
  good(t, await siteWith(alone, '--yes'))
  t.deepEqual(await votersOf('node-1'), [1, 1])
  nothingLeft(t, await siteWith(alone, '--yes'))
})

slow('kill -9 in the middle of a first boot: the next run completes it', async (t) => {
  for (const unit of ['service consul.service', 'service nomad.service']) {
    await labReset({ nodes: NODES.length, log: t.log })
    const killed = await site(['--yes'], (event, child) => {
      if (event.event === 'applying' && event.resource === unit && child.pid !== undefined)
        process.kill(-child.pid, 'SIGKILL')
    })
    t.is(killed.exit, null, `${unit}: it ended by itself`)
    good(t, await site(['--yes', '--lock-wait', '120']))
    for (const name of NODES) t.deepEqual(await votersOf(name), [3, 3], name)
    t.is((await site(['--check'])).exit, 0)
  }
})

slow(
  'without secrets.age, or with another identity, a running cluster is not touched; docker needs neither',
  async (t) => {
    const [file, away] = [join(labDir(), 'secrets.age'), join(room, 'secrets.age')]
    renameSync(file, away)
    try {
      const refused = await site(['--yes'])
      t.is(refused.exit, 1)
      t.regex(
        `${refused.stderr}${refused.errors.join('\n')}`,
        /secrets\.age is missing, but node-\d is a server of an established cluster/,
      )
      t.is((await site(['--check', '--roles', 'docker'])).exit, 0)
    } finally {
      renameSync(away, file)
    }
    const identity = join(room, 'identity')
    writeFileSync(identity, `${await generateIdentity()}\n`, { mode: 0o600 })
    await siteWith(asItIs, '--check')
    process.env.CARAVAN_AGE_IDENTITY = identity
    const other = await site(['--inventory', join(labDir(), 'own.yaml'), '--yes'])
    t.is(other.exit, 1)
    t.regex(`${other.stderr}${other.errors.join('\n')}`, /secrets\.age cannot be opened: it was encrypted for others/)
    t.is((await site(['--inventory', join(labDir(), 'own.yaml'), '--check', '--roles', 'docker'])).exit, 0)
  },
)

slow('with one server dead the living ones are changed, but for what would end the quorum', async (t) => {
  const living = NODES.slice(0, 2)
  const limit = ['--limit', living.join(',')]
  await labStop('node-3')
  try {
    const before = await Promise.all(living.map((name) => invocationOf(name, 'consul.service')))
    for (const name of living) await on(name, 'rm /etc/consul.d/tls/agent.pem')
    const logs = (inventory: Inventory) => {
      inventory.vars.coredns = { ...inventory.vars.coredns, log: true }
    }
    const ran = await siteWith(logs, '--yes', ...limit)
    good(t, ran)
    for (const name of living)
      await on(name, 'test -s /etc/consul.d/tls/agent.pem && grep -q log /etc/coredns/Corefile')
    t.deepEqual(await Promise.all(living.map((name) => invocationOf(name, 'consul.service'))), before)

    const level = (inventory: Inventory) => {
      inventory.vars.nomad = { ...inventory.vars.nomad, logLevel: 'WARN' }
    }
    const refused = await siteWith(level, '--yes', ...limit)
    t.is(refused.exit, 1)
    t.regex(
      refused.errors.join('\n'),
      /cannot be taken away: node-3 not in the cluster, and 1 of 3 servers are no quorum/,
    )
    await labStart('node-3')
    good(t, await siteWith(level, '--yes', '--lock-wait', '60'))
  } finally {
    await labStart('node-3')
  }
  good(t, await site(['--yes', '--lock-wait', '60']))
})

slow('with two of three servers stopped a run mends the cluster', async (t) => {
  for (const name of ['node-2', 'node-3']) await on(name, 'systemctl stop consul nomad')
  good(t, await site(['--yes']))
  for (const name of NODES) t.deepEqual(await votersOf(name), [3, 3], name)
})

/** The CA of the lab's Consul or Nomad, as `secrets.mjs show` tells it. */
const authorityOf = async (name: string): Promise<CertificateAuthority> => {
  const [certificate = '', key = ''] = (await secret(name)).match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []
  return asAuthority({ certificate: `${certificate}\n`, key: `${key}\n` })
}

/** Gives an agent a certificate as it had, which ends in some seconds. */
const letExpire = async (name: string, unit: 'consul' | 'nomad', ca: CertificateAuthority): Promise<void> => {
  const file = `/etc/${unit}.d/tls/agent.pem`
  const old = new X509Certificate(await on(name, `openssl x509 -in ${file}`))
  const names = (old.subjectAltName ?? '').split(', ').map((one) => one.replace(/^(DNS|IP Address):/, ''))
  const subject = old.subject.replace(/^CN=/, '')
  const pem = await issue({ subject, names, days: 10 / 86_400, ca })
  await on(name, `umask 077; cat >${file} <<'END'\n${pem}END`)
}

slow('with all certificates expired a run mends the cluster', async (t) => {
  for (const unit of ['consul', 'nomad'] as const) {
    const ca = await authorityOf(`${unit}-ca`)
    for (const name of NODES) await letExpire(name, unit, ca)
  }
  await sleep(15_000)
  for (const name of NODES) await on(name, 'systemctl restart --no-block consul nomad')
  await sleep(10_000)
  await t.throwsAsync(votersOf('node-1'), undefined, 'it still works')
  good(t, await site(['--yes', '--lock-wait', '60']))
  for (const name of NODES) t.deepEqual(await votersOf(name), [3, 3], name)
  t.is((await site(['--check'])).exit, 0)
})

slow(
  'five nodes: three servers, two clients; a host that comes later joins, and nothing restarts elsewhere',
  async (t) => {
    await labUp({ nodes: 4, log: t.log })
    good(t, await site(['--yes']))
    const units = ['consul', 'nomad', 'docker', 'coredns', 'haproxy']
    const running = () =>
      Promise.all(
        ['node-1', 'node-2', 'node-3', 'node-4'].flatMap((name) => units.map((unit) => invocationOf(name, unit))),
      )
    const before = await running()
    await labUp({ nodes: 5, log: t.log })
    good(t, await site(['--yes']))
    t.deepEqual(await running(), before)
    for (const name of NODES) t.deepEqual(await votersOf(name), [3, 3], name)
    const token = await secret('nomad-management-token')
    const nodes = bodyOf(await askNomad('node-5', token, '/v1/nodes')) as { Name: string; Status: string }[]
    t.deepEqual(
      nodes.map(({ Name, Status }) => `${Name} ${Status}`).sort(),
      [1, 2, 3, 4, 5].map((n) => `node-${n} ready`),
    )
    nothingLeft(t, await site(['--yes']))
  },
)

slow('expose: management opens exactly the named ports more', async (t) => {
  const exposed = (inventory: Inventory) => {
    inventory.cluster = { ...inventory.cluster, expose: 'management', firewall: 'external' }
  }
  await labReset({ nodes: NODES.length, log: t.log })
  good(t, await siteWith(exposed, '--yes'))
  for (const name of NODES) t.deepEqual(await openPorts(nodeNamed(name).address), [22, 4646, 5432, 8404, 8500], name)
  t.is(
    await on(
      'node-1',
      `curl -s -m 5 -w '%{http_code}' -o /dev/null http://${nodeNamed('node-1').address}:8500/v1/kv/a || :`,
    ),
    '400',
    'in the clear it answers nothing',
  )
})

slow('the set of the hand-written set-up converges, and is upgraded one step', async (t) => {
  const seed = (inventory: Inventory) => {
    // Consul 1.16 cannot be built here
    inventory.versions = { set: 'seed', consul: '1.14.5' }
  }
  await labReset({ nodes: NODES.length, log: t.log })
  good(t, await siteWith(seed, '--yes'))
  t.regex(
    await on('node-1', 'consul version | head -n 1; nomad version | head -n 1; coredns -version | head -n 1'),
    /1\.14\.5[\s\S]*1\.6\.1[\s\S]*1\.10\.1/,
  )
  nothingLeft(t, await siteWith(seed, '--yes'))
  good(t, await site(['--yes']))
  for (const name of NODES) t.deepEqual(await votersOf(name), [3, 3], name)
  t.regex(
    await eventually('node-1', 'consul version | head -n 1; nomad version | head -n 1', 5),
    /1\.15\.4[\s\S]*1\.6\.2/,
  )
  nothingLeft(t, await site(['--yes']))
})
