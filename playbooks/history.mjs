#!/usr/bin/env zx
import '../core/start.mjs'

const { history } = await import('../core/history.ts')

await history(
  process.argv.slice(process.argv.findIndex((word) => word.endsWith('history.mjs')) + 1),
  () => import('../lab/config.ts'),
)
