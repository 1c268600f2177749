import { artifact, atLeast, defineRole, directory, type Resource, ready, service } from '../../core/index.ts'
import { certificates, configuration, directories, isServer, joining, unitFile, volumesOf } from './files.ts'
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
    const { vars, releases, host } = input
    const binary = artifact('nomad', { ...releases('nomad'), to: '/usr/local/bin/nomad' })
    const tls = certificates(input)
    const config = configuration(input)
    const unit = unitFile(input)
    const { version } = releases('nomad')
    // from 1.8.0 to 1.10.0 systemd kills an agent that reloads: it does not say so
    const reloads = !atLeast(version, '1.8.0') || atLeast(version, '1.10.1')
    const restartOn = [binary, unit, ...config]
    return [
      ...directories(),
      binary,
      ...tls,
      ...config,
      joining(input),
      ...(vars.client ? volumeDirectories(volumesOf(input)) : []),
      unit,
      service('nomad', {
        enabled: true,
        running: true,
        noBlock: atLeast(version, '1.8.0'),
        ...(reloads ? { restartOn, reloadOn: tls } : { restartOn: [...restartOn, ...tls] }),
      }),
      answers(isServer(host) ? 'server' : 'client'),
    ]
  },
  { checks: findings, health: nomadHealth, secrets: nomadSecrets, products: ({ version }) => ({ nomad: version }) },
)
