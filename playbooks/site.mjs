#!/usr/bin/env zx
import '../core/start.mjs'

const { play, site } = await import('../core/index.ts')
const { default: base } = await import('../roles/base/index.ts')
const { default: docker } = await import('../roles/docker/index.ts')

await site({
  playbook: 'site',
  summary: 'Converges every host to what inventory.yaml and the roles say.',
  plays: [play(base), play(docker)],
  lab: () => import('../lab/index.ts'),
})
