#!/usr/bin/env zx
// Load and failed units of each host. In playbooks/ the imports below begin with ../ instead of ../../
import '../../core/start.mjs'

const { onHosts, safeText } = await import('../../core/index.ts')

const playbook = {
  playbook: 'uptime',
  summary: 'Prints the load and the failed units of each host.',
  lab: () => import('../../lab/index.ts'),
}

await onHosts(playbook, async ({ hosts }) => {
  const looks = await Promise.allSettled(
    hosts.map(async ({ name, $ }) => {
      const look = $({ readOnly: true })
      const load = await look`cut -d ' ' -f 1-3 /proc/loadavg`
      const failed = await look`systemctl list-units --failed --plain --no-legend | cut -d ' ' -f 1 | paste -sd ' '`
      console.log(safeText(`${name}  ${load.stdout.trim()}  ${failed.stdout.trim() || 'no failed units'}`))
    }),
  )
  const errors = looks.flatMap((look) => (look.status === 'rejected' ? [look.reason] : []))
  if (errors.length > 0) throw new AggregateError(errors)
})
