#!/usr/bin/env zx
// The lab: three machines on this computer that look like Hetzner's. See docs/lab.md.
import { main } from '../lab/cli.ts'

process.exitCode = await main(process.argv)
