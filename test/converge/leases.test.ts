import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { takeLease } from '../../core/remote/lease.ts'
import { hasEnded, processName } from '../../core/remote/own-process.ts'
import { note, toyHost, toyRun } from './toy.ts'

const write = (dir: string, run: string, until: number, process = '') => {
  mkdirSync(join(dir, 'run'), { recursive: true })
  writeFileSync(join(dir, 'run/lease'), `${run}\n${until}\nmary@desk\n2026-11-22T20:00:00Z\n${process}\n`)
}
/** An apply that is at work until it is ended; it holds the lock once this resolves. */
const applying = async ({ dir, transport }: ReturnType<typeof toyHost>) => {
  const working = join(dir, 'run/working')
  const held = transport.run(
    'exec 9>>/run/caravan/lock; flock 9; : >/run/caravan/working; while [ -e /run/caravan/working ]; do sleep 0.05; done',
  )
  while (!existsSync(working)) await new Promise((resolve) => setTimeout(resolve, 20))
  const end = async () => {
    rmSync(working)
    await held
  }
  return end
}
const soon = () => Math.floor(Date.now() / 1000) + 60
const roles = { first: (dir: string) => [note(`${dir}/a`, '1')] }

test('a run that holds a host stops another one, which says who it is and changes nothing anywhere', async (t) => {
  const [one, two] = [toyHost(t, 'node-1'), toyHost(t, 'node-2')]
  write(two.dir, 'other', soon())
  const error = await t.throwsAsync(toyRun([one, two], roles))
  t.regex(
    error?.message ?? '',
    /^mary@desk is changing it since 2026-11-22T20:00:00Z; that lease ends in \d+ s unless it is renewed$/,
  )
  t.like(error, {
    details: { host: 'node-2', hint: 'wait for that run to end: --lock-wait 600 waits up to 10 minutes for it' },
  })
  t.false(existsSync(join(one.dir, 'a')))
  t.false(existsSync(join(one.dir, 'run/lease')), 'what was taken before is given back')
})

test('a lease is given back at the end, and a run that changes nothing takes none', async (t) => {
  const host = toyHost(t)
  t.is((await toyRun([host], roles)).exit, 0)
  t.false(existsSync(join(host.dir, 'run/lease')))
  write(host.dir, 'other', soon())
  t.is((await toyRun([host], roles)).exit, 0)
})

test('hosts that --limit leaves out are leased too', async (t) => {
  const [one, two] = [toyHost(t, 'node-1'), toyHost(t, 'node-2')]
  write(two.dir, 'other', soon())
  await t.throwsAsync(toyRun([one, two], roles, { hosts: [one.host] }), { message: /^mary@desk/ })
})

test('a lease that has expired is taken over, but not while its apply is at work', async (t) => {
  const host = toyHost(t)
  write(host.dir, 'other', soon() - 120)
  const end = await applying(host)
  // the probe waits for an apply that is at work, so the lease is asked for by itself
  const claim = { run: 'test', holder: 'me@here' }
  await t.throwsAsync(takeLease('node-1', host.transport, claim), { message: /its apply is still at work/ })
  await end()
  const { exit, events } = await toyRun([host], roles)
  t.is(exit, 0)
  t.true(
    events.some(
      (event) =>
        event.event === 'warning' &&
        event.message === 'took over the lease of mary@desk since 2026-11-22T20:00:00Z, whose run has ended',
    ),
  )
})

test('a process is named so that a later one with its number has another name', (t) => {
  const own = processName() ?? ''
  t.is(processName(process.pid), own)
  t.false(hasEnded(own))
  const [boot, space, pid, started] = own.split(':')
  t.true(hasEnded([boot, space, pid, Number(started) - 1].join(':')))
  t.true(hasEnded([boot, space, 2 ** 30, started].join(':')))
  for (const elsewhere of [['another', space, pid, 1], [boot, 1, pid, 1], [boot, space, 'x', 1], ['']])
    t.false(hasEnded(elsewhere.join(':')), 'what is not of this computer may live')
})

test('a lease whose process has ended on this computer is taken over at once, but not while its apply is at work', async (t) => {
  const host = toyHost(t)
  const dead = (processName() ?? '').replace(/\d+$/, '1')
  write(host.dir, 'other', soon(), dead)
  const end = await applying(host)
  const claim = { run: 'test', holder: 'me@here' }
  await t.throwsAsync(takeLease('node-1', host.transport, claim), {
    message: /^mary@desk is changing it since .*; that run has died, but its apply is still at work$/,
  })
  await end()
  t.is((await toyRun([host], roles)).exit, 0)
  write(host.dir, 'another', soon(), processName())
  t.is((await toyRun([host], roles)).exit, 0, 'nothing is left to change')
  await t.throwsAsync(takeLease('node-1', host.transport, claim), { message: /unless it is renewed/ }, 'that one lives')
})

test('--lock-wait waits until the other run lets go', async (t) => {
  const host = toyHost(t)
  write(host.dir, 'other', Math.floor(Date.now() / 1000) + 5)
  const result = await toyRun([host], roles, { lockWait: 30 })
  t.is(result.exit, 0)
  t.true(result.events.some((event) => event.event === 'warning' && event.message.startsWith('waiting: mary@desk')))
})

test('what another run applied between our probe and our lease is observed again', async (t) => {
  const host = toyHost(t)
  writeFileSync(join(host.dir, 'b'), '2')
  const both = { first: (dir: string) => [note(`${dir}/a`, '1'), note(`${dir}/b`, '2')] }
  host.before((script) => {
    if (!script.includes('lease.lock') || existsSync(join(host.dir, 'run/applied'))) return
    mkdirSync(join(host.dir, 'run'), { recursive: true })
    writeFileSync(join(host.dir, 'run/applied'), 'other\n')
    writeFileSync(join(host.dir, 'b'), 'of the other run')
  })
  const result = await toyRun([host], both)
  t.is(result.exit, 1)
  t.deepEqual(result.errors, ['was right when the plan was made and now differs'])
  t.is(readFileSync(join(host.dir, 'b'), 'utf8'), 'of the other run')
})

test('an apply under a lease that is gone changes nothing', async (t) => {
  const host = toyHost(t)
  host.before((script) => {
    if (script.includes('frame 0 end 0')) writeFileSync(join(host.dir, 'run/lease'), 'thief\n0\nx\ny\n')
  })
  const result = await toyRun([host], roles)
  t.is(result.exit, 1)
  t.deepEqual(result.errors, ['the lease of this run is gone: the host was rebooted, or another run took over'])
  t.false(existsSync(join(host.dir, 'a')))
})

for (const [what, text] of [
  ['is empty', ''],
  ['makes no sense', 'what is this\n\0\xff\n'],
  ['ends at no number', 'other\nsoon\nmary@desk\n\n'],
  ['ends at an octal number', 'other\n0099\nmary@desk\n\n'],
  ['ends after all numbers', `other\n${'9'.repeat(30)}\nmary@desk\n\n`],
] as const)
  test(`a lease that ${what} has ended`, async (t) => {
    const host = toyHost(t)
    mkdirSync(join(host.dir, 'run'), { recursive: true })
    writeFileSync(join(host.dir, 'run/lease'), text)
    t.is((await toyRun([host], roles)).exit, 0)
    t.false(existsSync(join(host.dir, 'run/lease')))
  })

test('a lease that is a directory makes way', async (t) => {
  const host = toyHost(t)
  mkdirSync(join(host.dir, 'run/lease/full'), { recursive: true })
  t.is((await toyRun([host], roles)).exit, 0)
})

test('a lease never ends later than a minute from now, whatever the clock was', async (t) => {
  const host = toyHost(t)
  write(host.dir, 'other', soon() + 1_000_000)
  const error = await t.throwsAsync(toyRun([host], roles))
  t.regex(error?.message ?? '', /^mary@desk .* that lease ends in (59|60) s unless it is renewed$/)
  t.true(Number(readFileSync(join(host.dir, 'run/lease'), 'utf8').split('\n')[1]) <= soon())
})

test('a host whose lease cannot be written leaves the run, and the others go on', async (t) => {
  const [one, two] = [toyHost(t, 'node-1'), toyHost(t, 'node-2')]
  mkdirSync(join(two.dir, 'run/lease.new'), { recursive: true })
  const { exit, errors } = await toyRun([one, two], roles, { lockWait: 60 })
  t.is(exit, 1)
  t.regex(errors.join('\n'), /the lease could not be taken: .*lease.new/)
  t.true(existsSync(join(one.dir, 'a')))
  t.false(existsSync(join(two.dir, 'a')))
})
