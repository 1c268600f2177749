import test from 'ava'

/** Whether the tests that take long belong to the run: `npm run test:lab:full` has them. */
export const FULL = process.env.CARAVAN_LAB_FULL === '1'

/** `test` for what takes long. Whoever uses it says why it is skipped. */
export const slow = FULL ? test : test.skip

/** Says what is skipped where it is. */
export const saySkipped = (what: string): void => {
  if (!FULL) console.warn(`skipped: ${what}, which npm run test:lab:full has`)
}
