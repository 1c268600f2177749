#!/usr/bin/env zx
import '../core/start.mjs'

const { status } = await import('../core/index.ts')
const { plays } = await import('./plays.mjs')

await status({
  playbook: 'status',
  summary: 'Asks every host how its part of the cluster does, and changes nothing.',
  examples: [
    '                              all checks of all hosts',
    '--roles consul,nomad --limit node-1   some of them',
    '--deep                        also those that start something for it',
  ],
  plays,
  lab: () => import('../lab/index.ts'),
})
