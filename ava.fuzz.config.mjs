// Thousands of hostile inputs, and fifty hosts: what takes too long for `npm test`. CARAVAN_FUZZ says how many inputs.
export default {
  files: ['test/{fuzz,scale}/**/*.test.ts'],
  extensions: { ts: 'module' },
  timeout: '10m',
}
