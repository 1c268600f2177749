import test, { type ExecutionContext } from 'ava'
import { randomOf, seed } from './random.ts'

const TIMES = Number(process.env.CARAVAN_TIMES ?? 3)
const ONLY = process.env.CARAVAN_FAULT

/** One kind of fault, each time with another seed. CARAVAN_FAULT: only those whose name holds it. */
export const fault = (
  name: string,
  work: (t: ExecutionContext, random: () => number, generation: number) => Promise<void>,
): void => {
  if (ONLY !== undefined && !name.includes(ONLY)) return
  for (let time = 0; time < TIMES; time++)
    test(`${name} (seed ${seed + time})`, (t) => work(t, randomOf(seed + time), time + 1))
}

// ava takes a file without a test for a mistake
if (ONLY !== undefined) test(`only faults called "${ONLY}"`, (t) => t.pass())
