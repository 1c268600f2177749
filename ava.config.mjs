export default {
  files: ['test/**/*.test.ts', '!test/{lab,faults,fuzz,scale}/**'],
  extensions: { ts: 'module' },
  timeout: '60s',
  // each file of tests loads most of the core: processes share what Node compiled, which worker threads do not
  workerThreads: false,
  environmentVariables: { NODE_COMPILE_CACHE: 'node_modules/.cache/compiled' },
}
