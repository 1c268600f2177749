import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { ready } from '../../core/resources/ready.ts'
import { broken, memoryCache, note, planned, tool, toyHost, toyRun } from './toy.ts'

const read = (...path: string[]) => readFileSync(join(...path), 'utf8')

test('a first run converges; a second one changes nothing and costs one round trip per host', async (t) => {
  const hosts = [toyHost(t, 'node-1'), toyHost(t, 'node-2')]
  const cache = memoryCache()
  const roles = { first: (dir: string) => [note(`${dir}/a`, '1'), note(`${dir}/b $(x) 'q'`, '2')] }
  const first = await toyRun(hosts, roles, { cache })
  t.deepEqual(first.errors, [])
  t.is(first.exit, 0)
  t.is(first.summary.hosts['node-1']?.changed, 2)
  t.is(first.summary.hosts['node-1']?.roundTrips, 6, 'facts, probe, lease, apply, verify, release')
  t.is(read(hosts[0]?.dir ?? '', "b $(x) 'q'"), '2')
  const second = await toyRun(hosts, roles, { cache })
  t.is(second.exit, 0)
  for (const host of ['node-1', 'node-2']) {
    t.like(second.summary.hosts[host], { changed: 0, unchanged: 2, failed: 0, roundTrips: 1 })
  }
})

test('a later play is observed again on a host that was touched, and only there', async (t) => {
  const [one, two] = [toyHost(t, 'node-1'), toyHost(t, 'node-2')]
  writeFileSync(join(two.dir, 'a'), '1')
  writeFileSync(join(two.dir, 'b'), '2')
  const cache = memoryCache()
  const roles = { first: (dir: string) => [note(`${dir}/a`, '1')], second: (dir: string) => [note(`${dir}/b`, '2')] }
  const { summary } = await toyRun([one, two], roles, { cache })
  t.is(summary.hosts['node-1']?.roundTrips, 8, 'facts, probe, lease, apply, probe, apply, verify, release')
  t.is(summary.hosts['node-2']?.roundTrips, 4, 'facts, probe, lease, release')
})

test('--check applies nothing and exits 2 on drift, 0 without', async (t) => {
  const host = toyHost(t)
  const roles = { first: (dir: string) => [note(`${dir}/a`, '1')] }
  const drift = await toyRun([host], roles, { check: true })
  t.is(drift.exit, 2)
  t.deepEqual(planned(drift), [`firm note ${host.dir}/a`])
  t.throws(() => read(host.dir, 'a'), { code: 'ENOENT' })
  await toyRun([host], roles)
  t.is((await toyRun([host], roles, { check: true })).exit, 0)
})

test('a no means no: nothing is applied', async (t) => {
  const host = toyHost(t)
  const { exit } = await toyRun(
    [host],
    { first: (dir: string) => [note(`${dir}/a`, '1')] },
    { approve: async () => false },
  )
  t.is(exit, 1)
  t.throws(() => read(host.dir, 'a'), { code: 'ENOENT' })
})

test('what cannot be observed is provisional when something earlier changes', async (t) => {
  const host = toyHost(t)
  const roles = { first: (dir: string) => [note(`${dir}/program`, 'x'), tool(`${dir}/t`, `${dir}/program`, 'v')] }
  const result = await toyRun([host], roles)
  t.deepEqual(planned(result), [`firm note ${host.dir}/program`, `provisional tool ${host.dir}/t`])
  t.is(result.exit, 0)
  t.is(read(host.dir, 't'), 'v')
  t.regex(JSON.stringify(result.events), /\(cannot be observed yet: no program\)/)
})

test('an earlier play on another host makes it provisional too; then it must be observable', async (t) => {
  const [one, two] = [toyHost(t, 'node-1'), toyHost(t, 'node-2')]
  writeFileSync(join(two.dir, 'a'), '1')
  const roles = {
    first: (dir: string) => [note(`${dir}/a`, '1')],
    second: (dir: string) => (dir === two.dir ? [tool(`${dir}/t`, `${dir}/program`, 'v')] : []),
  }
  const result = await toyRun([one, two], roles)
  t.deepEqual(planned(result, 'node-2'), [`provisional tool ${two.dir}/t`])
  t.is(result.exit, 1)
  t.regex(result.errors.join(), /apply failed: tool: not found \(exit 127\)/)
})

test('what cannot be observed with nothing before it that changes is an error that names a way on', async (t) => {
  const host = toyHost(t)
  const result = await toyRun([host], { first: (dir: string) => [tool(`${dir}/t`, `${dir}/program`, 'v')] })
  t.is(result.exit, 1)
  t.regex(
    result.errors.join(),
    /tool .*\/t cannot be observed: no program; nothing before it in this run would change that/,
  )
  const error = result.events.find((event) => event.event === 'error')
  t.like(error, { error: { host: 'node-1', role: 'first' } })
})

test('pyinfra #394: an earlier resource may create what a later one wants', async (t) => {
  const host = toyHost(t)
  const group = (dir: string) => note(`${dir}/group`, 'docker')
  const roles = {
    // the package brings the group along, which the plan cannot know
    package: (dir: string) => [broken('package', `printf docker >${dir}/group; touch ${dir}/installed`)],
    group: (dir: string) => [group(dir)],
  }
  const result = await toyRun([host], roles)
  t.deepEqual(planned(result), ['firm broken package', `firm note ${host.dir}/group`])
  t.deepEqual(result.errors, ['was applied and still differs: state: broken → mended'])
  t.is(result.summary.hosts['node-1']?.changed, 1, 'the group was found already true')
})

test('pyinfra #387: remove it, then install it, is a conflict and not a plan that lies', async (t) => {
  const host = toyHost(t)
  const roles = { remove: (dir: string) => [note(`${dir}/git`)], install: (dir: string) => [note(`${dir}/git`, 'git')] }
  for (const only of [['remove', 'install'], ['install']]) {
    const result = await toyRun([host], roles, { only })
    t.is(result.exit, 1)
    t.regex(
      result.errors.join(),
      /note .*git \(role remove, .*toy\.ts:\d+\) and note .*git \(role install, .*toy\.ts:\d+\) contradict/,
    )
  }
})

test('equal wants of two roles merge and belong to the first selected play', async (t) => {
  const host = toyHost(t)
  const roles = { one: (dir: string) => [note(`${dir}/a`, '1')], two: (dir: string) => [note(`${dir}/a`, '1')] }
  t.is((await toyRun([host], roles, { check: true })).summary.hosts['node-1']?.unchanged, 0)
  const result = await toyRun([host], roles, { only: ['two'] })
  const plan = result.events.find((event) => event.event === 'plan')
  t.like(plan, { hosts: { 'node-1': [{ play: 'two', role: 'two' }] } })
  t.is(result.summary.hosts['node-1']?.changed, 1)
})

test('two owners that undo each other are found by the last probe', async (t) => {
  const host = toyHost(t)
  const roles = { one: (dir: string) => [note(`${dir}/a`, '1'), broken('undoer', `rm ${dir}/a`)] }
  const result = await toyRun([host], roles)
  t.is(result.exit, 1)
  t.true(result.errors.includes('was applied and still differs: text: (absent) → 1'))
})

test('what was right in the approved plan and now differs is never applied', async (t) => {
  const host = toyHost(t)
  const roles = { one: (dir: string) => [note(`${dir}/a`, '1')], two: (dir: string) => [note(`${dir}/b`, '2')] }
  writeFileSync(join(host.dir, 'b'), '2')
  host.before((script) => script.includes('flock -w') && writeFileSync(join(host.dir, 'b'), 'by hand'))
  const result = await toyRun([host], roles)
  t.is(result.exit, 1)
  t.deepEqual(result.errors, ['was right when the plan was made and now differs'])
  t.is(read(host.dir, 'b'), 'by hand')
  t.is(read(host.dir, 'a'), '1')
})

test('with a person at hand it is asked for, and a yes applies it', async (t) => {
  const host = toyHost(t)
  const roles = { one: (dir: string) => [note(`${dir}/a`, '1')], two: (dir: string) => [note(`${dir}/b`, '2')] }
  writeFileSync(join(host.dir, 'b'), '2')
  host.before(
    (script) => script.includes('/a') && script.includes('flock -w') && writeFileSync(join(host.dir, 'b'), 'by hand'),
  )
  const asked: string[] = []
  const result = await toyRun([host], roles, { approve: async (question) => asked.push(question) > 0 })
  t.deepEqual(asked, ['plan', 'changed since the plan'])
  t.is(result.exit, 0)
  t.is(read(host.dir, 'b'), '2')
})

test('a host stops at its first failed resource and leaves later plays; the others go on', async (t) => {
  const [one, two] = [toyHost(t, 'node-1'), toyHost(t, 'node-2')]
  const roles = {
    first: (dir: string) => [
      ...(dir === one.dir ? [broken('disk', 'echo no space left on device; exit 1')] : []),
      note(`${dir}/a`, '1'),
    ],
    second: (dir: string) => [note(`${dir}/b`, '2')],
  }
  const result = await toyRun([one, two], roles)
  t.is(result.exit, 1)
  t.deepEqual(result.errors, ['apply failed: no space left on device (exit 1)'])
  t.throws(() => read(one.dir, 'a'), { code: 'ENOENT' })
  t.throws(() => read(one.dir, 'b'), { code: 'ENOENT' })
  t.is(read(two.dir, 'b'), '2')
})

test('a wait that does not come true: --check lists it and exits 2, a run waits and exits 1', async (t) => {
  const host = toyHost(t)
  const roles = { first: (dir: string) => [ready('the door opens', { check: `[ -e ${dir}/open ]`, within: '1s' })] }
  const check = await toyRun([host], roles, { check: true })
  t.is(check.exit, 2)
  t.deepEqual(planned(check), ['wait ready the door opens'])
  const waited = await toyRun([host], roles)
  t.is(waited.exit, 1)
  t.is(waited.summary.hosts['node-1']?.changed, 0)
  writeFileSync(join(host.dir, 'open'), '')
  t.is((await toyRun([host], roles, { check: true })).exit, 0)
})

test('a wait that holds is evaluated again after a change of its play', async (t) => {
  const host = toyHost(t)
  writeFileSync(join(host.dir, 'open'), '')
  const roles = {
    first: (dir: string) => [
      note(`${dir}/a`, '1'),
      broken('closer', `rm -f ${dir}/open`),
      ready('the door opens', { check: `[ -e ${dir}/open ]`, within: '1s' }),
    ],
  }
  const result = await toyRun([host], roles)
  t.is(result.exit, 1)
  t.like(
    result.events.find((event) => event.event === 'error'),
    { error: { resource: 'ready the door opens' } },
  )
})

test('facts that changed since they were kept discard the probe', async (t) => {
  const host = toyHost(t)
  const cache = memoryCache()
  const roles = { first: (dir: string, facts: { cpus: number }) => [note(`${dir}/cpus`, String(facts.cpus))] }
  await toyRun([host], roles, { cache })
  const known = cache.get(host.host)
  cache.put(host.host, { ...(known as NonNullable<typeof known>), cpus: 1000 })
  const result = await toyRun([host], roles, { cache })
  t.like(result.summary.hosts['node-1'], { changed: 0, roundTrips: 2 })
  t.is(result.exit, 0)
})

test('garbage instead of an answer is an error, a banner before it is not', async (t) => {
  const garbage = await toyRun([toyHost(t, 'node-1', { garbage: 'hello\n\u001b[31mworld' })], { first: () => [] })
  t.is(garbage.exit, 1)
  t.deepEqual(garbage.errors, ["the host's answer is garbage: nothing about facts came back"])
  const roles = { first: (dir: string) => [note(`${dir}/a`, '1')] }
  t.is((await toyRun([toyHost(t, 'node-1', { banner: 'Welcome!\n\nframe 0 begin' })], roles)).exit, 0)
})

test('a private address that the host does not have is refused', async (t) => {
  const toy = toyHost(t)
  const elsewhere = { ...toy, host: { ...toy.host, privateIp: '127.9.9.9' } }
  const result = await toyRun([elsewhere], { first: () => [] })
  t.is(result.exit, 1)
  t.deepEqual(result.errors, ['no interface has the private address 127.9.9.9 that the inventory gives this host'])
})

test('a run that is stopped finishes what it applies, begins nothing else, and gives its leases back', async (t) => {
  const host = toyHost(t)
  const stop = new AbortController()
  host.before((script) => script.includes('flock -w 600') && stop.abort())
  const roles = { one: (dir: string) => [note(`${dir}/a`, '1')], two: (dir: string) => [note(`${dir}/b`, '2')] }
  const result = await toyRun([host], roles, { stop: stop.signal })
  t.is(result.exit, 1)
  t.deepEqual(result.errors, ['stopped by you'])
  t.is(read(host.dir, 'a'), '1')
  t.throws(() => read(host.dir, 'b'), { code: 'ENOENT' })
  t.throws(() => read(host.dir, 'run/lease'), { code: 'ENOENT' })
})
