import type { HealthCheck, HealthInput } from '../../core/index.ts'

/** The first half keeps D-Bus from starting one that is stopped. Source: resolvectl(1). */
export const resolves = (name: string): string =>
  `systemctl -q is-active systemd-resolved.service && resolvectl query --legend=no ${name}`

const NOT_INSTALLED = 'systemd-resolved is not installed'

/** What programs of the host must be told, where systemd-resolved tells them. */
export const resolvedHealth = ({
  hosts,
  vars,
}: HealthInput<{ publicName: string; resolver: string }>): readonly HealthCheck[] => {
  if (vars.resolver === 'external') return []
  const servers = hosts.filter(({ groups }) => groups.includes('servers')).map(({ privateIp }) => privateIp)
  const expect = `the private addresses of the servers: ${servers.join(', ')}`
  const areServers = (answer: string, status: number) => {
    const found = answer.match(/\b\d+\.\d+\.\d+\.\d+\b/g) ?? []
    return status === 0 && [...new Set(found)].sort().join() === servers.toSorted().join()
  }
  return [
    whereInstalled('resolvectl: consul.service.consul', resolves('consul.service.consul'), expect, areServers),
    whereInstalled('getent: consul.service.consul', 'getent ahostsv4 consul.service.consul', expect, areServers),
    whereInstalled(`getent: ${vars.publicName}`, `getent hosts ${vars.publicName}`, 'its addresses', isFound),
  ]
}

const isFound = (_: string, status: number): boolean => status === 0

const whereInstalled = (name: string, ask: string, expect: string, judge: HealthCheck['judge']): HealthCheck => ({
  name,
  ask: `[ -x /lib/systemd/systemd-resolved ] || { echo '${NOT_INSTALLED}'; exit 0; }\n${ask}`,
  expect,
  judge: (answer, status) => answer === NOT_INSTALLED || judge(answer, status),
})
