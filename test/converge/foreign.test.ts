import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { haproxyConfig } from '../../core/resources/haproxy-config.ts'
import type { RunEvent } from '../../core/terminal/events.ts'
import { me } from '../resources/law.ts'
import { memoryCache, type ToyRun, toyHost, toyRun } from './toy.ts'

const CONTENT = 'backend web\n  retries 3\n  server-template a 1-10 _a._tcp.b\n'

const config = (content: string) => (dir: string) => [
  haproxyConfig(`${dir}/haproxy.cfg`, { ...me, content, state: `${dir}/state` }),
]

const foreignIn = ({ events }: ToyRun) =>
  events.flatMap((event: RunEvent) => (event.event === 'plan' ? (event.foreign?.['node-1'] ?? []) : []))

test('what others changed is shown, is no drift, and costs one round trip', async (t) => {
  const host = toyHost(t)
  const cache = memoryCache()
  const path = join(host.dir, 'haproxy.cfg')
  await toyRun([host], { first: config(CONTENT) }, { cache })
  const ours = readFileSync(path, 'utf8')
  writeFileSync(path, ours.replace('  retries', '  server x 10.0.0.1:1\n  retries'))
  for (const check of [true, false]) {
    const run = await toyRun([host], { first: config(CONTENT) }, { check, cache })
    t.is(run.exit, 0)
    t.like(run.summary.hosts['node-1'], { changed: 0, unchanged: 1, failed: 0, roundTrips: 1 })
    t.like(foreignIn(run)[0], { role: 'first', resource: `haproxyConfig ${path}` })
    t.like(foreignIn(run)[0]?.changes[0], { property: 'backend web', to: 'server x 10.0.0.1:1' })
  }
  const merged = await toyRun([host], { first: config(CONTENT.replace('1-10', '1-20')) }, { cache })
  t.is(merged.exit, 0)
  t.is(foreignIn(merged).length, 1)
  t.regex(readFileSync(path, 'utf8'), /server x 10\.0\.0\.1:1\n {2}retries 3\n {2}server-template a 1-20 /)
})

test('both changed the same: the host leaves the run, and both versions are told', async (t) => {
  const host = toyHost(t)
  const path = join(host.dir, 'haproxy.cfg')
  await toyRun([host], { first: config(CONTENT) })
  const theirs = readFileSync(path, 'utf8').replace('retries 3', 'retries 5')
  writeFileSync(path, theirs)
  const run = await toyRun([host], { first: config(CONTENT.replace('retries 3', 'retries 1')) })
  t.is(run.exit, 1)
  t.regex(run.errors.join('\n'), /others changed it where the role changes it too/)
  t.is(readFileSync(path, 'utf8'), theirs)
})
