#!/usr/bin/env zx
import '../core/start.mjs'

const { history } = await import('../core/history.ts')

history(process.argv.slice(process.argv.findIndex((word) => word.endsWith('history.mjs')) + 1))
