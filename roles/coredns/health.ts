import { isDeepStrictEqual } from 'node:util'
import type { HealthCheck, HealthInput, Host } from '../../core/index.ts'
import { addressesOf } from './ask.ts'

/** What CoreDNS of this host must answer, to this host and to its containers. */
export const corednsHealth = ({ host, hosts, vars }: HealthInput<{ publicName: string }>): readonly HealthCheck[] => {
  const servers = hosts.filter(({ groups }) => groups.includes('servers')).map(({ privateIp }) => privateIp)
  return [
    {
      name: 'consul.service.consul',
      ask: addressesOf('consul.service.consul', host.privateIp),
      expect: `the private addresses of the servers: ${servers.join(', ')}`,
      judge: (answer, status) => status === 0 && isDeepStrictEqual(answer.split('\n').sort(), servers.toSorted()),
    },
    {
      name: vars.publicName,
      ask: addressesOf(vars.publicName, host.privateIp),
      expect: 'its addresses, from the upstreams',
      judge: (_, status) => status === 0,
    },
    {
      name: 'is ready',
      ask: 'systemctl -q is-active coredns.service && curl -q -sS --noproxy "*" --max-time 5 http://127.0.0.1:8055/ready',
      expect: 'OK',
      judge: (answer, status) => status === 0 && answer === 'OK',
    },
    {
      name: 'listens privately',
      ask: `ss -Hlntup | awk '/"coredns"/ { print $1, $5 }' | sort -u`,
      expect: listening(host).join(', '),
      judge: (answer) => isDeepStrictEqual(answer.split('\n').sort(), listening(host)),
    },
  ]
}

const listening = ({ privateIp }: Host): readonly string[] =>
  [`tcp ${privateIp}:53`, `udp ${privateIp}:53`, 'tcp 127.0.0.1:8054', 'tcp 127.0.0.1:8055'].sort()
