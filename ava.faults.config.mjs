// By hand: an hour on the lab's machines. CARAVAN_FAULT picks one file's faults, CARAVAN_SEED repeats a run.
export default {
  files: ['test/faults/**/*.test.ts'],
  extensions: { ts: 'module' },
  concurrency: 1,
  serial: true,
  timeout: '20m',
}
