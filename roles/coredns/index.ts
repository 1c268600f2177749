import { artifact, defineRole, directory, file, packages, ready, service, template, user, z } from '../../core/index.ts'
import { addressesOf } from './ask.ts'
import { corednsHealth } from './health.ts'
import { loops, upstreamsSchema } from './upstreams.ts'

/**
 * CoreDNS cannot check a Corefile but by serving it, so a copy that listens on any free ports of loopback does for 2 s.
 * Source: CoreDNS, coremain/run.go: it ends at once with a file that it does not like.
 */
const VALIDATE =
  'sed -E \'s/:53 \\{$/:0 {/; s/bind .*/bind 127.0.0.1/; s/(health|ready) .*/\\1 127.0.0.1:0/; /^ +loop$/d\' "$1" >copy; ' +
  'timeout 2 /usr/local/bin/coredns -conf copy; [ $? = 124 ]'

export const CorednsVars = z.strictObject({
  version: z
    .string()
    .regex(/^\d+\.\d+\.\d+$/, 'must be a version such as 1.14.7')
    .optional()
    .meta({ description: 'Default: what `versions` says' }),
  upstreams: upstreamsSchema.default(['185.12.64.1', '185.12.64.2']).meta({
    description: 'Resolvers that are asked for all other names, in this order; these are those of Hetzner',
  }),
  // an address in its place would always be "resolved"
  publicName: z
    .string()
    .regex(/^([a-z\d]([a-z\d-]*[a-z\d])?\.)+[a-z]([a-z\d-]*[a-z\d])?$/i, 'must be a name such as example.com')
    .default('example.com')
    .meta({ description: 'A name with an IPv4 address that the upstreams must know' }),
  log: z.boolean().default(false).meta({ description: 'Write every query to the journal, to look for a fault' }),
})

/** The node's own name server: names of Consul by its own agent, all others by upstreams. Source: coredns.io/manual. */
export default defineRole(
  'coredns',
  CorednsVars,
  ({ host, vars, releases }) => {
    const binary = artifact('coredns', { ...releases('coredns'), to: '/usr/local/bin/coredns' })
    const corefile = file('/etc/coredns/Corefile', {
      content: template('coredns/Corefile.ejs', {
        address: host.privateIp,
        upstreams: vars.upstreams,
        log: vars.log,
      }),
      group: 'coredns',
      mode: '0640',
      validate: VALIDATE,
    })
    const unit = file('/etc/systemd/system/coredns.service', { content: template('coredns/coredns.service.ejs') })
    const answers = (name: string) =>
      ready(`coredns answers ${name}`, {
        check: addressesOf(name, host.privateIp),
        within: '30s',
        unit: 'coredns.service',
      })
    return [
      ...packages(['bind9-dnsutils']),
      user('coredns', { system: true }),
      binary,
      directory('/etc/coredns'),
      corefile,
      unit,
      // CoreDNS keeps the old configuration when a new one is bad, so a reload proves nothing: restart.
      service('coredns', { enabled: true, running: true, restartOn: [binary, unit, corefile] }),
      answers('consul.service.consul'),
      answers(vars.publicName),
    ]
  },
  {
    checks: ({ hosts, vars }) => loops(vars.upstreams, hosts),
    health: corednsHealth,
    products: (vars) => ({ coredns: vars.version }),
  },
)
