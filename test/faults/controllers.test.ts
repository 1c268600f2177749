import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { NODES } from '../lab/machines.ts'
import { now, outagesOf, overlaps, type Rolled, removeToy, roll, rollBy } from '../lab/toy-rollout.ts'
import { begin, onAll } from './playbook.ts'
import { between, randomOf, seed } from './random.ts'
import { RESET, UNIT, wrongOn } from './victim.ts'

const PAIRS = Number(process.env.CARAVAN_PAIRS ?? 20)
const ONLY = process.env.CARAVAN_FAULT

/** One playbook that takes its hosts one after the other, because they are a cluster or because it is serial. */
type Kind = Readonly<{
  name: string
  unit: string
  run: (generation: number, args: readonly string[]) => Promise<Rolled>
}>
const KINDS: readonly Kind[] = [
  {
    name: 'a cluster',
    unit: 'toy.service',
    run: (generation, args) => roll('--vars', `toy.generation=${generation}`, ...args),
  },
  {
    name: 'a serial play',
    unit: UNIT,
    run: (generation, args) =>
      rollBy('test/faults/victim.mjs', ['--vars', `faults.generation=${generation}`, ...args], {
        FAULTS_SERIAL: 'yes',
      }),
  },
]

test.before('machines with both', async (t) => {
  await begin(t, `${removeToy}\n${RESET}`)
  const first = await roll()
  t.is(first.exit, 0, first.said)
})
test.after.always('as they were', () => onAll(`${removeToy}\n${RESET}`))

/** Two runs of the same, the second some milliseconds later. */
const pair = async ({ run }: Kind, generation: number, delay: number, args: readonly string[]) =>
  Promise.all([run(generation, args), sleep(delay).then(() => run(generation, args))])

const LOSER = /\S+@\S+ is changing it since \d{4}-\d\d-\d\dT/

for (const kind of KINDS)
  for (let round = 1; round <= PAIRS; round++) {
    const random = randomOf(seed + round)
    const [delay, waits] = [round % 2 === 0 ? 0 : between(random, 0, 3000), round % 4 === 3]
    const name = `two controllers over ${kind.name}, ${round}: ${delay} ms apart${waits ? ', that wait' : ''}`
    if (ONLY !== undefined && !name.includes(ONLY)) continue
    test(`${name} (seed ${seed})`, async (t) => {
      const since = await now()
      const both = await pair(kind, round, delay, waits ? ['--lock-wait', '120'] : [])
      const said = both.map(({ said }) => said).join('\n---\n')
      const outages = (await Promise.all(NODES.map((name) => outagesOf(name, since, kind.unit)))).flat()
      t.deepEqual(overlaps(outages), [], said)
      t.is(outages.length, NODES.length, `each is restarted once\n${said}`)
      t.true(
        both.some(({ exit }) => exit === 0),
        said,
      )
      const losers = both.filter(({ exit }) => exit !== 0)
      for (const loser of losers) t.regex(loser.said, LOSER)
      t.log(losers.length === 0 ? 'both converge' : (LOSER.exec(losers[0]?.said ?? '')?.[0] ?? ''))
      if (waits) t.is(losers.length, 0, said)
      if (kind.unit === UNIT)
        t.deepEqual(
          await onAll(wrongOn(round)),
          NODES.map(() => ''),
        )
    })
  }

if (ONLY !== undefined) test(`only faults called "${ONLY}"`, (t) => t.pass())
