#!/usr/bin/env zx
import '../core/start.mjs'

const { setup } = await import('../core/setup/index.ts')
const { plays } = await import('./plays.mjs')

await setup({ plays, lab: () => import('../lab/index.ts') })
