export default {
  files: ['test/**/*.test.ts', '!test/lab/**'],
  extensions: { ts: 'module' },
  timeout: '60s',
}
