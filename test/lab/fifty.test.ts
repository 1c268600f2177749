import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { parse, stringify } from 'yaml'
import { nodeNamed } from '../../lab/index.ts'
import { saySkipped, slow } from './full.ts'
import { hostsConverged, inventoryText, NODES, on, type Ran, site } from './machines.ts'
import { metered, type Usage, usageIn } from './meter.ts'
import { type Relay, relay } from './relay.ts'

const HOSTS = 50
/** MiB that a run on 50 hosts may take at most. */
const MEMORY = 200
/** By how much a host may cost more among 50 than among 10. */
const LINEAR = 2

const room = mkdtempSync(join(tmpdir(), 'caravan-fifty-'))
const relays: Relay[] = []
const names = Array.from({ length: HOSTS }, (_, index) => `n-${index + 1}`)
const machineOf = (index: number) => NODES[index % NODES.length] as (typeof NODES)[number]
const privateIp = (index: number) => `10.33.1.${index + 1}`

const addresses = (verb: 'add' | 'del') =>
  Promise.all(
    NODES.map((machine) => {
      const own = names.flatMap((_, index) => (machineOf(index) === machine ? [privateIp(index)] : []))
      return on(machine, own.map((ip) => `ip address ${verb} ${ip}/32 dev enp7s0 2>/dev/null || :`).join('\n'))
    }),
  )

/** An inventory of 50 names, each with a private address of its own, which three machines answer to. */
const inventory = async (): Promise<string> => {
  const { hosts, ...rest } = parse(inventoryText())
  const entries = names.map(async (name, index) => {
    const own = hosts[machineOf(index)]
    const way = await relay(`127.0.1.${index + 1}`, nodeNamed(machineOf(index)).address, 0)
    relays.push(way)
    return [name, { ...own, address: way.address, port: way.port, privateIp: privateIp(index), slot: index }]
  })
  const file = join(room, 'inventory.yaml')
  writeFileSync(
    file,
    stringify({
      ...rest,
      groups: { servers: names.slice(0, 3) },
      hosts: Object.fromEntries(await Promise.all(entries)),
    }),
  )
  return file
}

const run = async (file: string, ...args: readonly string[]): Promise<{ ran: Ran; usage: Usage; seconds: number }> => {
  const usage = join(room, 'usage')
  const began = performance.now()
  const ran = await site(['--inventory', file, '--roles', 'base,docker', '--yes', ...args], () => {}, [
    'env',
    `NODE_OPTIONS=${metered(usage)}`,
  ])
  return { ran, usage: usageIn(usage), seconds: (performance.now() - began) / 1000 }
}

saySkipped('fifty hosts')

slow(
  '50 names on real sshds: all converge; a run that changes nothing is one round trip, linear, and small',
  async (t) => {
    await hostsConverged(t)
    await addresses('add')
    const file = await inventory()
    const first = await run(file)
    t.is(first.ran.exit, 0, [first.ran.stderr, ...first.ran.errors].join('\n'))
    t.log(`first run: ${first.seconds.toFixed(1)} s, ${first.usage.cpu.toFixed(2)} s of CPU`)
    const ten = await run(file, '--limit', names.slice(0, 10).join(','))
    const fifty = await run(file)
    for (const [count, { ran, usage, seconds }] of [
      [10, ten],
      [HOSTS, fifty],
    ] as const) {
      t.is(ran.exit, 0, ran.errors.join('\n'))
      const all = Object.values(ran.summary?.hosts ?? {})
      t.is(all.length, count)
      t.true(all.every(({ changed, roundTrips }) => changed === 0 && roundTrips === 1))
      t.log(
        `${count} hosts, nothing to change: ${seconds.toFixed(2)} s, ${usage.cpu.toFixed(2)} s of CPU, ${usage.mib.toFixed()} MiB`,
      )
    }
    t.true(fifty.usage.mib < MEMORY)
    t.true(fifty.usage.cpu / HOSTS < LINEAR * (ten.usage.cpu / 10))
  },
)

test.after.always('as they were', async (t) => {
  for (const { close } of relays) close()
  rmSync(room, { recursive: true })
  if (relays.length === 0) return
  await addresses('del')
  await hostsConverged(t as never)
})
