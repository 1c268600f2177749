import {
  artifact,
  atLeast,
  defineRole,
  directory,
  file,
  packages,
  type Resource,
  ready,
  service,
} from '../../core/index.ts'
import { afterBoot } from './after-boot.ts'
import { API } from './api.ts'
import { CERTIFICATE, certificates, configuration, directories, joining, unitFile, volumeDirectories } from './files.ts'
import { findings, nomadHealth } from './health.ts'
import { nomadSecrets } from './secrets.ts'
import { NomadVars } from './vars.ts'

/**
 * A Nomad agent: a server in the group `servers`, and a client unless `client` is off. Its ports, and those of
 * allocations, are on the private interface. Source: Nomad's agent configuration reference.
 */
export default defineRole(
  'nomad',
  NomadVars,
  (input) => {
    const { releases, vars } = input
    const binary = artifact('nomad', { ...releases('nomad'), to: '/usr/local/bin/nomad' })
    const tls = certificates(input)
    const config = configuration(input)
    const unit = unitFile(input)
    const { version } = releases('nomad')
    // from 1.8.0 to 1.10.0 systemd kills an agent that reloads: it does not say so
    const reloads = !atLeast(version, '1.8.0') || atLeast(version, '1.10.1')
    // what the role storage offers is a file of its own, which is only watched here
    const offered = file('/etc/nomad.d/storage.hcl', { content: '' })
    const restartOn = [binary, unit, ...config, offered]
    return [
      ...packages(['curl', 'openssl']),
      ...directories(),
      binary,
      ...tls,
      ...config,
      joining(input),
      // a client does not start without them
      ...volumeDirectories(input),
      ...(vars.client ? [directory('/usr/local/lib/caravan'), afterBoot()] : []),
      unit,
      service('nomad', {
        enabled: true,
        running: true,
        noBlock: atLeast(version, '1.8.0'),
        ...(reloads ? { restartOn, reloadOn: tls } : { restartOn: [...restartOn, ...tls] }),
      }),
      answers(),
    ]
  },
  { checks: findings, health: nomadHealth, secrets: nomadSecrets, products: ({ version }) => ({ nomad: version }) },
)

// Its API may answer 500 as long as there is no leader: to wait for peers is the gate's work. Where a certificate was
// replaced it shows that Nomad took it.
const answers = (): Resource =>
  ready('nomad answers, with the certificate of its file', {
    check: `curl -q -sS -o /dev/null --noproxy '*' --cacert ${API.ca} '${API.url}/v1/status/leader?stale' || exit 1
served=$(openssl s_client -connect 127.0.0.1:4646 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256)
[ "$served" = "$(openssl x509 -noout -fingerprint -sha256 -in ${CERTIFICATE})" ] || { echo 'it serves another certificate'; exit 1; }`,
    within: '60s',
    unit: 'nomad.service',
  })
