// The lab is one set of machines: its tests run one after the other, and each leaves the machines as it found them.
export default {
  files: ['test/lab/**/*.test.ts'],
  extensions: { ts: 'module' },
  concurrency: 1,
  serial: true,
  timeout: '20m',
}
