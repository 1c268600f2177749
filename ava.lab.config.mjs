// The lab is one set of machines: its tests run one after the other, and each leaves the machines as it found them.
// CARAVAN_LAB_FULL=1 (npm run test:lab:full) adds what takes many minutes, which says by itself that it was skipped.
export default {
  files: ['test/lab/**/*.test.ts'],
  extensions: { ts: 'module' },
  concurrency: 1,
  serial: true,
  timeout: '20m',
}
