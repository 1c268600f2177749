#!/usr/bin/env zx
import '../core/start.mjs'

const { site } = await import('../core/index.ts')
const { plays } = await import('./plays.mjs')

await site({
  playbook: 'site',
  summary: 'Converges every host to what inventory.yaml and the roles say.',
  plays,
  lab: () => import('../lab/index.ts'),
})
