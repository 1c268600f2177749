import { defineRole, type Finding, file, type Host, ready, serversOf, service, template } from '../../core/index.ts'
import { agentFiles, CERTIFICATE, peersOf } from './files.ts'
import { consulHealth } from './health.ts'
import { install } from './install.ts'
import { ConsulVars, consulSecrets, httpsPort } from './vars.ts'

/** An agent of Consul: a server on the hosts of the group `servers`, a client elsewhere. With TLS, and ACLs that deny. */
export default defineRole(
  'consul',
  ConsulVars,
  (input) => {
    const { host, hosts, cluster } = input
    const installed = install(input)
    const files = agentFiles(input, installed)
    const unit = file('/etc/systemd/system/consul.service', {
      content: template('consul/consul.service.ejs', {
        program: installed.program,
        // an agent is ready once it has found another one, and one alone never does. Source: hashicorp/consul issue 16844
        type: peersOf(host, hosts).length === 0 ? 'exec' : 'notify',
      }),
    })
    return [
      ...installed.resources,
      ...files.resources,
      unit,
      service('consul', {
        enabled: true,
        running: true,
        // whether it found the others is for the gate to say
        noBlock: true,
        restartOn: [...installed.restartOn, unit, ...files.restartOn],
        reloadOn: files.reloadOn,
      }),
      // A reload that fails leaves no trace but a line in the journal. With an answer that a name does not exist comes the
      // SOA record, also where there is no leader; to whom asks for the record itself a server without one is silent.
      ready('consul has read its tokens', {
        check: `dig +noall +authority +time=2 +tries=1 @127.0.0.1 -p 8600 caravan.consul A | grep -q ' ${files.generation} '`,
        within: '60s',
        unit: 'consul.service',
      }),
      ready('consul shows its certificate', {
        check: showsCertificate(`${host.privateIp}:${httpsPort(cluster)}`),
        within: '60s',
        unit: 'consul.service',
      }),
    ]
  },
  {
    secrets: consulSecrets,
    products: ({ from, version }) => (from === 'release' ? { consul: version } : {}),
    checks: ({ host, hosts }) => oddServers(host, serversOf(hosts)),
    health: consulHealth,
  },
)

const showsCertificate = (address: string): string => `
of() { openssl x509 -noout -fingerprint -sha256; }
want=$(of <${CERTIFICATE}) && [ -n "$want" ] &&
  [ "$(timeout 5 openssl s_client -connect ${address} </dev/null 2>/dev/null | of)" = "$want" ]`

const oddServers = (host: Host, servers: readonly Host[]): readonly Finding[] =>
  servers.length % 2 === 1 || servers[0]?.name !== host.name
    ? []
    : [
        {
          level: 'warning',
          message: `the group servers has ${servers.length} hosts, and an even number bears no more failures than one less`,
          hint: 'make it 1, 3 or 5; the others are clients',
        },
      ]
