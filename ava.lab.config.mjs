// The lab is one set of machines: its tests run one after the other, and each leaves the machines as it found them.
const full = process.env.CARAVAN_LAB_FULL === '1'
if (!full) console.warn('skipped: crate, haproxy and names, which npm run test:lab:full has')

export default {
  files: ['test/lab/**/*.test.ts', ...(full ? [] : ['!test/lab/{crate,haproxy,names}.test.ts'])],
  extensions: { ts: 'module' },
  concurrency: 1,
  serial: true,
  timeout: '20m',
}
