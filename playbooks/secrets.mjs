#!/usr/bin/env zx
import '../core/start.mjs'

const { secretsCommand } = await import('../core/secrets-command.ts')

await secretsCommand(
  process.argv.slice(process.argv.findIndex((word) => word.endsWith('secrets.mjs')) + 1),
  () => import('../lab/config.ts'),
)
