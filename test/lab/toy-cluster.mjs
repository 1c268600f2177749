#!/usr/bin/env zx
import '../../core/start.mjs'

const { play, site } = await import('../../core/index.ts')
const { toyCluster, toyRole } = await import('./toy-cluster.ts')

await site({
  playbook: 'toy-cluster',
  summary: 'A cluster of web servers, for the tests of rollouts.',
  plays: [play(toyRole, { on: 'servers', cluster: toyCluster })],
  lab: () => import('../../lab/index.ts'),
})
