import type { Finding, HostWithFacts, Vitals } from '../../core/index.ts'

/** What must be true of a machine and no resource can mend. */
export const machineChecks = (input: {
  host: HostWithFacts
  vitals: Vitals
  vars: { maxSkew: number }
}): readonly Finding[] => [
  ...system(input.host),
  ...architecture(input.host),
  ...clock(input.vitals, input.vars.maxSkew),
  ...cgroups(input.host),
]

const system = ({ facts: { os } }: HostWithFacts): readonly Finding[] =>
  os.id === 'debian' || os.id === 'ubuntu'
    ? []
    : [{ level: 'error', message: `runs ${os.id} ${os.version}`, hint: 'Caravan knows Debian and Ubuntu' }]

const architecture = ({ facts: { arch } }: HostWithFacts): readonly Finding[] =>
  arch === 'amd64' || arch === 'arm64'
    ? []
    : [{ level: 'error', message: `is a machine of ${arch}`, hint: 'Caravan knows amd64 and arm64' }]

const clock = ({ skew, timeSynchronised }: Vitals, maxSkew: number): readonly Finding[] => {
  if (Math.abs(skew) > maxSkew) {
    const direction = skew > 0 ? 'ahead of' : 'behind'
    const message = `its clock is ${Math.abs(skew).toFixed(1)} s ${direction} this computer's (allowed: ${maxSkew} s)`
    return [{ level: 'error', message, hint: 'timedatectl set-ntp true on the host, and check the clock here' }]
  }
  if (timeSynchronised) return []
  return [
    { level: 'warning', message: 'nothing keeps its clock right', hint: 'timedatectl set-ntp true, or install chrony' },
  ]
}

const cgroups = ({ facts: { cgroup } }: HostWithFacts): readonly Finding[] =>
  cgroup === 2
    ? []
    : [
        {
          level: 'warning',
          message: 'has cgroups v1',
          hint: 'boot with systemd.unified_cgroup_hierarchy=1 for cgroups v2',
        },
      ]
