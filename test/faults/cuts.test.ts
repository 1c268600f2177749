import test from 'ava'
import { NODES } from '../lab/machines.ts'
import { fault } from './fault.ts'
import { cut, swallow } from './lab-network.ts'
import { begin, civil, converge, holds, onAll, type Ran, type Watch } from './playbook.ts'
import { between, pick } from './random.ts'
import { DRIFTS, RESET } from './victim.ts'

test.before('a converged victim', async (t) => {
  await begin(t)
})
test.after.always('as they were', () => onAll(RESET))

/** Keepalives find a silent host after a minute; then a connection is tried once more. Source: core/remote/ssh-config.ts */
const BOUND = 120

type Network = (name: string, seconds: number) => Promise<void>
/** Loses a host once the phase begins there. */
const loseIn = (phase: 'probe' | 'apply', name: string, seconds: number, network: Network) => {
  let lost: Promise<void> | undefined
  const watch: Watch = (event) => {
    const begins = phase === 'probe' ? event.event === 'phase' : event.event === 'applying'
    if (begins && 'host' in event && event.host === name) lost ??= network(name, seconds)
  }
  return { watch, over: () => lost }
}

const lastWords = ({ said }: Ran): string => said.join(' | ').replaceAll('\n', ' ')

for (const [how, network] of [
  ['its cable pulled', cut],
  ['its packets swallowed', swallow],
] as const)
  for (const phase of ['probe', 'apply'] as const)
    for (const [least, most] of [
      [1, 10],
      [50, 60],
    ] as const)
      fault(`SSH lost in ${phase} for ${least} to ${most} s, ${how}`, async (t, random, generation) => {
        const name = pick(random, NODES)
        const seconds = between(random, least, most)
        await onAll(DRIFTS.config)
        const loss = loseIn(phase, name, seconds, network)
        const ran = await converge(generation, ['--lock-wait', '300'], loss.watch)
        t.log(`${name} for ${seconds} s: exit ${ran.exit} after ${ran.seconds.toFixed(0)} s; ${lastWords(ran)}`)
        await loss.over()
        t.true(ran.seconds < seconds + BOUND, `${ran.seconds} s`)
        civil(t, ran)
        if (ran.exit !== 0) {
          t.is(ran.exit, 1)
          t.deepEqual([...new Set(ran.failed)], [name], 'the others go on')
          t.regex(ran.said.join('\n'), new RegExp(`${name}.*: .*(connection|reach|answer|nothing be heard|script)`))
        }
        await holds(t, generation)
      })
