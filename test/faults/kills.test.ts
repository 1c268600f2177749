import type { ChildProcess } from 'node:child_process'
import test from 'ava'
import type { RunEvent } from '../../core/terminal/events.ts'
import { NODES } from '../lab/machines.ts'
import { shaped } from './lab-network.ts'
import { begin, civil, converge, holds, onAll, type Ran, type Watch } from './playbook.ts'
import { between, randomOf, seed } from './random.ts'
import { DRIFTS, RESET, UNIT } from './victim.ts'

const PHASES = ['probe', 'upload', 'apply', 'restart', 'wait', 'verify'] as const
type Phase = (typeof PHASES)[number]

const KILLS = Number(process.env.CARAVAN_KILLS ?? 72)
/** Of the kills of this seed, the first that is made: to go on with a run that was cut off. */
const FROM = Number(process.env.CARAVAN_FROM ?? 1)

/** What the controller does on a host from this event on, until its next one. */
const phaseAt = (event: RunEvent): Phase | undefined => {
  switch (event.event) {
    case 'phase':
      return event.phase === 'verify' ? 'verify' : event.phase === 'probe' ? 'probe' : undefined
    // the contents leave before the script does
    case 'play':
      return 'upload'
    case 'applying':
      if (event.kind === 'wait') return 'wait'
      return event.resource === `service ${UNIT}` ? 'restart' : 'apply'
    default:
      return undefined
  }
}

/** Milliseconds up to which each phase lasts here. */
const LASTS: Readonly<Record<Phase, number>> = {
  probe: 250,
  upload: 600,
  apply: 80,
  restart: 900,
  wait: 1300,
  verify: 250,
}

type Plan = Readonly<{
  phase: Phase
  nth: number
  delay: number
  withSsh: boolean
  reset: boolean
  drifts: readonly (keyof typeof DRIFTS)[]
}>

/** Each phase in turn; all else by chance. One in eight begins from nothing, the others from drift. */
const planOf = (index: number): Plan => {
  const random = randomOf(seed + index * 7919)
  const phase = PHASES[index % PHASES.length] as Phase
  const optional = (Object.keys(DRIFTS) as (keyof typeof DRIFTS)[]).filter(() => random() < 0.5)
  return {
    phase,
    nth: phase === 'apply' ? between(random, 1, 8) : 1,
    delay: between(random, 0, LASTS[phase]),
    withSsh: random() < 0.5,
    reset: random() < 1 / 8,
    // what the phase needs to be there at all: an upload, a restart
    drifts: [...new Set([...optional, 'big' as const, 'config' as const])],
  }
}

/** Kills at the n-th event that begins the phase, and some milliseconds; tells what was going on then. */
const killer = ({ phase, nth, delay, withSsh }: Plan) => {
  const seen: RunEvent[] = []
  let count = 0
  let at: RunEvent | undefined
  const shoot = (child: ChildProcess) => {
    if (child.exitCode !== null || child.pid === undefined) return
    at = seen.at(-1)
    process.kill(withSsh ? -child.pid : child.pid, 'SIGKILL')
  }
  const watch: Watch = (event, child) => {
    seen.push(event)
    if (phaseAt(event) === phase && ++count === nth) setTimeout(() => shoot(child), delay)
  }
  return { watch, last: () => at }
}

const table = new Map<Phase, { kills: number; failures: number; leases: number }>(
  PHASES.map((phase) => [phase, { kills: 0, failures: 0, leases: 0 }]),
)

/** The phase that a run was really in when it ended: by the last event that begins one. */
const phaseOf = ({ events }: Ran): Phase | undefined => events.map(phaseAt).findLast((phase) => phase !== undefined)

test.before('a converged victim', async (t) => {
  await begin(t)
})
test.after.always('as they were', async (t) => {
  const rows = [...table].map(
    ([phase, { kills, failures, leases }]) =>
      `${phase.padEnd(8)} ${kills} kills, ${failures} failures, ${leases} leases left`,
  )
  t.log([`seed ${seed}`, ...rows].join('\n'))
  await onAll(RESET)
})

const leaseLeft = `[ -f /run/caravan/lease ] || { echo none; exit; }; echo $(($(sed -n 2p /run/caravan/lease) - $(date +%s)))`
/** As if a minute had passed for the lease. */
const age = `[ ! -f /run/caravan/lease ] || sed -i "2s/.*/$(($(date +%s) + 2))/" /run/caravan/lease`

for (let index = FROM; index <= KILLS; index++) {
  const plan = planOf(index)
  const { phase, delay, withSsh, reset, drifts } = plan
  const from = reset ? 'nothing' : drifts.join(', ')
  test(`${index}: kill -9 ${withSsh ? 'with ssh ' : ''}in ${phase} + ${delay} ms, from ${from}`, async (t) => {
    const row = table.get(phase) as { kills: number; failures: number; leases: number }
    await onAll(reset ? RESET : drifts.map((name) => DRIFTS[name]).join('\n'))
    const shot = killer(plan)
    const killed = await shaped(phase === 'upload' ? '40mbit' : undefined, () =>
      converge(index, ['--lock-wait', '60'], shot.watch),
    )
    t.is(killed.exit, null, `it ended by itself: ${killed.said.join('\n')}`)
    const really = phaseOf(killed) ?? phase
    t.log(`killed in ${really} of ${JSON.stringify(shot.last())}`)
    const counted = table.get(really) as typeof row
    counted.kills++
    counted.failures++

    const left = await onAll(leaseLeft)
    const held = left.filter((one) => one !== 'none')
    counted.leases += held.length
    for (const seconds of held) t.true(Number(seconds) <= 60, `a lease of ${seconds} s`)
    if (index % 10 !== 0) await onAll(age)
    const next = await holds(t, index)
    civil(t, next)
    // what the dead run's script still finished leaves nothing to change, and no lease to take
    const changed = next.events.some((event) => event.event === 'applied' && event.kind === 'change')
    if (held.length > 0 && changed) t.regex(next.said.join('\n'), /\S+@\S+ is changing it since|took over the lease/)
    counted.failures--
  })
}

test('at least 10 kills in each phase', (t) => {
  if (FROM > 1 || KILLS < 60) return t.pass(`only ${KILLS - FROM + 1} kills were asked for`)
  for (const [phase, { kills }] of table) t.true(kills >= 10, `${phase}: ${kills} on ${NODES.length} machines`)
})
