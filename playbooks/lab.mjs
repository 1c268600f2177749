#!/usr/bin/env zx
// The lab: machines on this computer that look like Hetzner's. See docs/lab.md.
import '../core/start.mjs'

const { main } = await import('../lab/cli.ts')

process.exitCode = await main(process.argv.slice(process.argv.findIndex((word) => word.endsWith('lab.mjs')) + 1))
