import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { onOne, type Resource } from '../../core/declare/resource.ts'
import { broken, memoryCache, note, planned, tool, toyHost, toyRun } from './toy.ts'

/** A thing of the cluster: every host sees the same file, through a program of its own. */
const shared =
  (file: string) =>
  (dir: string): readonly Resource[] =>
    onOne(tool(file, `${dir}/program`, 'v'))

test('a cluster resource is changed by one host, and the next run costs one round trip for each', async (t) => {
  const hosts = [toyHost(t, 'node-1'), toyHost(t, 'node-2')]
  for (const { dir } of hosts) writeFileSync(join(dir, 'program'), '')
  const roles = { one: shared(join(hosts[0]?.dir ?? '', 'thing')) }
  const cache = memoryCache()
  const first = await toyRun(hosts, roles, { cache })
  t.is(first.exit, 0)
  t.is(planned(first, 'node-1').length, 1)
  t.is(planned(first, 'node-2').length, 0)
  const second = await toyRun(hosts, roles, { cache })
  t.like(second.summary.hosts, { 'node-1': { changed: 0, roundTrips: 1 }, 'node-2': { changed: 0, roundTrips: 1 } })
})

test('the first host that can observe it owns it', async (t) => {
  const hosts = [toyHost(t, 'node-1'), toyHost(t, 'node-2')]
  writeFileSync(join(hosts[1]?.dir ?? '', 'program'), '')
  const result = await toyRun(hosts, { one: shared(join(hosts[0]?.dir ?? '', 'thing')) })
  t.is(result.exit, 0)
  t.is(planned(result, 'node-1').length, 0)
  t.is(planned(result, 'node-2').length, 1)
})

test('when nobody can observe it yet it is provisional, and becomes the first one’s that can', async (t) => {
  const hosts = [toyHost(t, 'node-1'), toyHost(t, 'node-2')]
  const file = join(hosts[0]?.dir ?? '', 'thing')
  const roles = {
    install: (dir: string) => (dir === hosts[1]?.dir ? [note(`${dir}/program`, '')] : []),
    one: shared(file),
  }
  const result = await toyRun(hosts, roles)
  t.deepEqual(result.errors, [])
  t.is(result.exit, 0)
  t.deepEqual(planned(result, 'node-1'), [`provisional tool ${file}`])
  t.is(result.summary.hosts['node-2']?.changed, 2)
})

test('when its owner leaves the run another host takes it over', async (t) => {
  const hosts = [toyHost(t, 'node-1'), toyHost(t, 'node-2')]
  for (const { dir } of hosts) writeFileSync(join(dir, 'program'), '')
  const roles = {
    first: (dir: string) => (dir === hosts[0]?.dir ? [broken('disk', 'echo no space left; exit 1')] : []),
    one: shared(join(hosts[0]?.dir ?? '', 'thing')),
  }
  const result = await toyRun(hosts, roles)
  t.is(result.exit, 1)
  t.deepEqual(result.errors, ['apply failed: no space left (exit 1)'])
  t.is(result.summary.hosts['node-2']?.changed, 1)
})
