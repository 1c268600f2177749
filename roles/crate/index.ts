import { CaravanError, crateUser, defineRole, type Host, nomadJob, onOne } from '../../core/index.ts'
import { apiOf } from './api.ts'
import { crateHealth } from './health.ts'
import { crateJob } from './job.ts'
import { type CrateSettings, CrateVars } from './vars.ts'

const TASK = 'crate'

/** CrateDB as a job of Nomad: one node per host with a slot, and a user with all privileges. */
export default defineRole(
  'crate',
  CrateVars,
  ({ hosts, cluster, vars, secrets, releases }) => {
    checkSlots(hosts, vars)
    const job = nomadJob('crate', {
      ...apiOf(secrets),
      hcl: crateJob(vars, { datacenter: cluster.datacenter, nomad: releases('nomad').version }),
      tasks: [TASK],
      // nodes are taken one after the other; an apply may take an hour
      within: `${Math.min(vars.nodes * vars.healthyDeadline + 300, 3540)}s`,
      again: 'raise crate.attempt, as by --vars crate.attempt=1',
    })
    if (vars.authentication === 'none') return onOne(...job)
    return onOne(...job, crateUser(vars.adminUser, { task: TASK, password: secrets.value('crate-admin-password') }))
  },
  {
    secrets: { 'nomad-management-token': 'uuid', 'crate-admin-password': 'password' },
    // not installed here, but the job is written for its version
    products: () => ({ nomad: undefined }),
    health: ({ host, vars, secrets }) =>
      host.slot === undefined || host.slot >= vars.nodes ? [] : crateHealth(TASK, vars.nodes, secrets),
  },
)

/** Node N keeps its data in the volume of slot N, so each slot below the number of nodes must be a host's. */
const checkSlots = (hosts: readonly Host[], { nodes }: CrateSettings): void => {
  const slots = new Set(hosts.map(({ slot }) => slot))
  const missing = Array.from({ length: nodes }, (_, slot) => slot).filter((slot) => !slots.has(slot))
  if (missing.length === 0) return
  throw new CaravanError(`crate has ${nodes} nodes, and no host has slot ${missing.join(', ')}`, {
    hint: 'give a host this slot in the inventory, or set crate.nodes',
  })
}
