export default {
  files: ['test/**/*.test.ts', '!test/{lab,faults}/**'],
  extensions: { ts: 'module' },
  timeout: '60s',
}
