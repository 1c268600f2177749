#!/usr/bin/env zx
import '../../core/start.mjs'

const { play, site } = await import('../../core/index.ts')
const { victim } = await import('./victim.ts')

await site({
  playbook: 'victim',
  summary: 'What the faults are done to; with FAULTS_SERIAL set one host after the other.',
  plays: [play(victim, { serial: process.env.FAULTS_SERIAL !== undefined })],
  lab: () => import('../../lab/index.ts'),
})
