export default {
  files: ['test/**/*.test.ts', '!test/{lab,faults,fuzz,scale}/**'],
  extensions: { ts: 'module' },
  timeout: '60s',
}
