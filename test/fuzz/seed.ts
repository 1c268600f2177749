import { randomInt } from 'node:crypto'

/** Where the random choices of this process begin; `CARAVAN_SEED` repeats those of another. */
export const seed = Number(process.env.CARAVAN_SEED ?? randomInt(2 ** 31))

// Before the first test, so that it is there even when one of them hangs.
console.log(`CARAVAN_SEED=${seed}`)

/** How many inputs are tried: `CARAVAN_FUZZ` gives another number. */
export const tries = (usual: number): number => Number(process.env.CARAVAN_FUZZ ?? usual)
