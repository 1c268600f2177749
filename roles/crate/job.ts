import { template } from '../../core/index.ts'
import type { CrateSettings } from './vars.ts'

/** What the job is made from besides its vars. */
export type Around = Readonly<{ datacenter: string; nomad: string }>

/** Seconds that CrateDB may take to stop; the role nomad lets jobs have 10 minutes. */
const KILL_TIMEOUT = 300

/** The job as HCL. */
export const crateJob = (vars: CrateSettings, { datacenter, nomad }: Around): string => {
  const { nodes, image, heap, memory, cpu, volume, ulimits } = vars
  return template('crate/crate.nomad.hcl.ejs', {
    datacenter,
    nodes,
    image,
    heap,
    memory,
    cpu,
    volume,
    ulimits,
    services: { disco: vars.discoService, http: vars.httpService, pg: vars.pgService },
    settings: settingsOf(vars, datacenter).map(([name, value]) => `-C${name}=${value}`),
    trace: vars.trace ? template('crate/log4j2.conf.ejs') : false,
    shutdownDelay: `${vars.shutdownDelay}s`,
    minHealthyTime: `${vars.minHealthyTime}s`,
    healthyDeadline: `${vars.healthyDeadline}s`,
    // longer than both, or Nomad refuses it; nodes that do not get well are placed anew until then
    progressDeadline: `${Math.max(vars.healthyDeadline, KILL_TIMEOUT) + 60}s`,
    killTimeout: `${KILL_TIMEOUT}s`,
    attempt: String(vars.attempt),
    disconnect: hasDisconnect(nomad),
  })
}

// The block came with 1.8, which has the older key too; 1.10 has only the block.
const hasDisconnect = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 1 || minor >= 8
}

type Setting = readonly [name: string, value: string | number | boolean]

/** Source: https://cratedb.com/docs/crate/reference/en/latest/config/cluster.html and …/config/node.html */
const settingsOf = (vars: CrateSettings, datacenter: string): readonly Setting[] => {
  const { nodes, authentication } = vars
  // Those of the first boot, for ever: a node that starts empty must not take itself for a cluster.
  const masters = Array.from({ length: Math.min(nodes, 3) }, (_, slot) => `crate-${slot}`)
  const ours: readonly Setting[] = [
    ['cluster.name', vars.clusterName],
    ['cluster.initial_master_nodes', masters.join(',')],
    ['discovery.seed_providers', 'srv'],
    ['discovery.srv.query', `${vars.discoService}.service.${datacenter}.consul.`],
    ['gateway.expected_data_nodes', nodes],
    ['gateway.recover_after_data_nodes', Math.floor(nodes / 2) + 1],
    ['gateway.recover_after_time', '5m'],
    ...(authentication === 'password' ? PASSWORDS : []),
  ]
  const known = new Map(ours)
  for (const [name, value] of Object.entries(vars.settings)) known.set(name, value)
  return [...known]
}

// The superuser only from within its own container. Source: CrateDB reference, "Host-Based Authentication (HBA)"
const PASSWORDS: readonly Setting[] = [
  ['auth.host_based.enabled', true],
  ['auth.host_based.config.0.user', 'crate'],
  ['auth.host_based.config.0.address', '_local_'],
  ['auth.host_based.config.0.method', 'trust'],
  ['auth.host_based.config.99.method', 'password'],
]
