// Runs on so many toy hosts, as a person would see them: `node fleet.ts HOSTS COLUMNS`. First nothing has to change,
// then hosts have drifted: --check, and a run that mends them, with one host that is down and one whose disk is full.
// The last line of stderr tells what it cost.
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Resource } from '../../core/declare/resource.ts'
import { ConnectError } from '../../core/errors.ts'
import type { Transport } from '../../core/remote/transport.ts'
import { ready } from '../../core/resources/ready.ts'
import { createUi } from '../../core/terminal/ui.ts'
import { broken, memoryCache, note, type ToyHost, toyHost, toyRun } from '../converge/toy.ts'

const [, , count = '3', columns = '80'] = process.argv
const ends: (() => unknown)[] = []
const t = { teardown: (end: () => unknown) => ends.push(end) } as unknown as ExecutionContext

const FILES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`right-${i}`, 'x'])),
  hosts: '10.33.0.2 node-1',
  'sysctl.conf': 'vm.max_map_count = 262144',
  'docker.json': '{ "live-restore": true, "log-driver": "local", "storage-driver": "overlay2" }',
}
// Below what a toy host has for /run/caravan, so that a resource has one name on all of them.
const here = (name: string): string => `/run/caravan/etc/${name}`
const there = ({ dir }: ToyHost, name: string): string => join(dir, 'run/etc', name)

const toys = Array.from({ length: Number(count) }, (_, index) => toyHost(t, `node-${index + 1}`))
for (const toy of toys) {
  mkdirSync(there(toy, ''), { recursive: true })
  for (const [name, text] of Object.entries(FILES)) writeFileSync(there(toy, name), text)
}
const drift = (): void => {
  for (const [index, toy] of toys.entries()) {
    rmSync(there(toy, 'hosts'))
    writeFileSync(there(toy, 'docker.json'), '{}')
    if (index < 5) rmSync(there(toy, 'sysctl.conf'))
  }
}

let troubled = false
const [down, full] = [toys[1], toys[2]]
const base = (): readonly Resource[] =>
  Object.entries(FILES).flatMap(([name, text]) => (name === 'docker.json' ? [] : [note(here(name), text)]))
const docker = (dir: string): readonly Resource[] => [
  note(here('docker.json'), FILES['docker.json']),
  ready('docker answers', { check: `grep -q local ${here('docker.json')}`, within: '5s' }),
  ...(troubled && dir === full?.dir ? [broken('disk', 'echo no space left on device; exit 1')] : []),
]

// Each run counts its own round trips.
const fleetOf = () => {
  const transports = new Map<string, Transport>(
    toys.map(({ host, transport }) => {
      const before = transport.roundTrips()
      return [host.name, { ...transport, roundTrips: () => transport.roundTrips() - before }]
    }),
  )
  return {
    transport: ({ name }: { name: string }) => transports.get(name) as Transport,
    connect: async ({ name }: { name: string }) => {
      if (troubled && name === down?.host.name)
        throw new ConnectError('there is no way to it: no route to host', { hint: 'check the address' })
    },
    ask: async () => {},
    dial: () => assert.fail('a run dials nothing'),
    close: async () => {},
  }
}

const cache = memoryCache()
const run = async (title: string, check: boolean): Promise<number> => {
  process.stdout.write(`=== ${title}\n`)
  const ui = createUi({ json: false, verbose: false, diff: false, isTTY: false, columns: Number(columns), env: {} })
  const began = process.cpuUsage()
  await toyRun(toys, { base, docker }, { check, forks: 20, cache, emit: ui.emit, fleet: fleetOf() })
  await ui.close()
  const { user, system } = process.cpuUsage(began)
  return (user + system) / 1e6
}

const quiet = await run('nothing to change', false)
drift()
troubled = true
const check = await run('check', true)
const apply = await run('apply', false)
for (const end of ends) end()
process.stderr.write(
  `\n${JSON.stringify({ cpu: { quiet, check, apply }, mib: process.resourceUsage().maxRSS / 1024 })}\n`,
)
