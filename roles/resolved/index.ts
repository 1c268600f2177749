import { defineRole, directory, type Finding, file, ready, service, template, z } from '../../core/index.ts'
import { resolvedHealth, resolves } from './health.ts'

export const ResolvedVars = z.strictObject({
  // an address in its place would always be "resolved"
  publicName: z
    .string()
    .regex(/^([a-z\d]([a-z\d-]*[a-z\d])?\.)+[a-z]([a-z\d-]*[a-z\d])?$/i, 'must be a name such as example.com')
    .default('example.com')
    .meta({ description: 'A public name that the host must resolve' }),
  resolver: z.enum(['systemd-resolved', 'external']).default('systemd-resolved').meta({
    description: 'external: something else resolves names for programs of the host; leave it alone, without a warning',
  }),
})

/**
 * Names of Consul for programs of the host, where it has systemd-resolved: its global server is the node's own CoreDNS.
 * Source: resolved.conf(5), systemd-resolved.service(8) "Protocols and routing".
 */
export default defineRole(
  'resolved',
  ResolvedVars,
  ({ host, vars }) => {
    if (!host.facts.resolved || vars.resolver === 'external') return []
    const conf = file('/etc/systemd/resolved.conf.d/90-caravan.conf', {
      content: template('resolved/caravan.conf.ejs', { address: host.privateIp }),
    })
    const answers = (name: string) =>
      ready(`systemd-resolved answers ${name}`, {
        check: resolves(name),
        within: '30s',
        unit: 'systemd-resolved.service',
      })
    return [
      directory('/etc/systemd/resolved.conf.d'),
      conf,
      service('systemd-resolved', { enabled: true, running: true, restartOn: [conf] }),
      answers('consul.service.consul'),
      answers(vars.publicName),
    ]
  },
  {
    checks: ({ host, vars }) => (host.facts.resolved || vars.resolver === 'external' ? [] : [notManaged]),
    health: resolvedHealth,
  },
)

const notManaged: Finding = {
  level: 'warning',
  message: 'programs of the host do not know names of Consul: systemd-resolved is not installed',
  hint: 'install systemd-resolved, or say that this is right: vars: { resolved: { resolver: external } }',
}
