import {
  block,
  command,
  defineRole,
  file,
  kernelModule,
  packages,
  service,
  sysctl,
  template,
  z,
} from '../../core/index.ts'
import { machineChecks } from './health.ts'

export const BaseVars = z.strictObject({
  packages: z
    .array(z.string())
    .default(['ca-certificates', 'curl', 'gnupg', 'iptables', 'iproute2', 'bind9-dnsutils', 'unzip'])
    .meta({ description: 'Debian packages that every host has' }),
  maxMapCount: z
    .int()
    .min(65530)
    .default(262144)
    .meta({ description: 'vm.max_map_count at least; CrateDB does not start below 262144' }),
  maxSkew: z.number().positive().default(1).meta({ description: 'Seconds by which a clock may be wrong' }),
})

/** What every host of the cluster needs before anything else. Source: Nomad's "post-installation steps". */
export default defineRole(
  'base',
  BaseVars,
  ({ host, hosts, vars }) => {
    const modules = ['bridge', 'br_netfilter', 'overlay'].map((name) => kernelModule(name))
    const forwarding = ['arptables', 'ip6tables', 'iptables'].map((table) =>
      sysctl(`net.bridge.bridge-nf-call-${table}`, 1),
    )
    return [
      ...packages(vars.packages),
      // the keys of bridge-nf-call exist only once br_netfilter is loaded
      ...modules,
      ...forwarding,
      sysctl('net.ipv4.ip_forward', 1),
      sysctl('vm.max_map_count', vars.maxMapCount, { atLeast: true }),
      block('/etc/hosts', {
        name: 'cluster',
        content: hosts.map(({ privateIp, name }) => `${privateIp} ${name}\n`).join(''),
      }),
      ...clamp(host.facts.privateInterface),
    ]
  },
  { checks: machineChecks },
)

/** Connections that leave by the private interface are told of its smaller MTU. Source: iptables-extensions(8), TCPMSS. */
const clamp = (name: string | undefined) => {
  if (name === undefined) return []
  const rule = `-o ${name} -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu`
  const unit = file('/etc/systemd/system/caravan-mss-clamp.service', {
    content: template('base/caravan-mss-clamp.service.ejs', { interface: name, rule }),
  })
  return [
    unit,
    service('caravan-mss-clamp', { enabled: true, running: true, restartOn: [unit] }),
    // whoever flushes the tables takes the rule away from a unit that is still active
    command('the MSS clamp is in place', {
      unless: `iptables -w -t mangle -C FORWARD ${rule}`,
      run: 'systemctl restart caravan-mss-clamp.service',
    }),
  ]
}
