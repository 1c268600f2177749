import { defineRole, directory, type HostWithFacts, json, packages, ready, service, z } from '../../core/index.ts'
import { dockerHealth } from './health.ts'

export const DockerVars = z.strictObject({
  logMaxSize: z
    .string()
    .regex(/^\d+[kmg]$/, 'must be a size such as 50m')
    .default('50m')
    .meta({ description: 'Size at which a container log is rotated' }),
  logMaxFiles: z.int().min(1).default(3).meta({ description: 'How many files of a container log are kept' }),
  settings: z
    .record(z.string(), z.unknown())
    .default({})
    .meta({ description: 'Further keys of /etc/docker/daemon.json; they win over ours' }),
})

/** Docker from the distribution, with restarts that do not touch running containers. Source: dockerd(8), daemon.json. */
export default defineRole(
  'docker',
  DockerVars,
  ({ host, vars }) => {
    const installed = packages(packagesFor(host).map((name) => ({ name, hold: true })))
    const settings = {
      'live-restore': true,
      'log-driver': 'json-file',
      'log-opts': { 'max-size': vars.logMaxSize, 'max-file': String(vars.logMaxFiles) },
      mtu: host.facts.privateMtu ?? 1450,
      'userland-proxy': false,
      ...vars.settings,
    }
    const config = json('/etc/docker/daemon.json', {
      merge: settings,
      // `dockerd --validate` came with 23.0
      validate: '! dockerd --help | grep -q -e --validate || dockerd --validate --config-file "$1"',
    })
    return [
      ...installed,
      directory('/etc/docker', {}),
      config,
      service('docker', {
        enabled: true,
        running: true,
        restartOn: [...installed, config],
        reloadBeforeRestart: {
          check: "docker info -f '{{.LiveRestoreEnabled}}' | grep -qx true",
          within: '15s',
          needless: '[ -z "$(docker ps -q)" ]',
        },
      }),
      // without the first half the question would start a stopped docker by its socket
      ready('docker answers', {
        check: 'systemctl -q is-active docker.service && docker info',
        within: '30s',
        unit: 'docker.service',
      }),
    ]
  },
  { health: () => dockerHealth },
)

/** Since Debian 13 the command line is a package of its own. */
const packagesFor = ({ facts: { os } }: HostWithFacts): readonly string[] =>
  os.id === 'debian' && Number(os.version) >= 13 ? ['docker.io', 'docker-cli'] : ['docker.io']
