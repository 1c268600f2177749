import {
  artifact,
  atLeast,
  directory,
  file,
  type Resource,
  type RoleInput,
  ready,
  service,
  template,
} from '../../core/index.ts'
import { askApi } from './health.ts'
import { API_PORT, endpointOf, listeningOf } from './listen.ts'
import type { HaproxyVars } from './vars.ts'

const STATE = '/var/lib/dataplaneapi'

/** `v2` or `v3`: the begin of each of its paths. Source: embedded_spec.go of each major version. */
export const apiOf = (version: string): string => (atLeast(version, '3.0.0') ? 'v3' : 'v2')

/** The Data Plane API, as a unit of its own. Source: the packages of github.com/haproxytech/dataplaneapi. */
export const dataplaneapi = (input: RoleInput<HaproxyVars>): readonly Resource[] => {
  const { host, releases, vars, secrets } = input
  const release = releases('dataplaneapi')
  const api = apiOf(release.version)
  const binary = artifact('dataplaneapi', { ...release, to: '/usr/local/bin/dataplaneapi' })
  const { address } = endpointOf(listeningOf(input).api)
  const settings = file('/etc/dataplaneapi/dataplaneapi.yml', {
    content: template('haproxy/dataplaneapi.yaml.ejs', {
      name: host.name,
      address: address === '*' ? '0.0.0.0' : address,
      port: API_PORT,
      api,
    }),
    mode: '0640',
  })
  const unit = file('/etc/systemd/system/dataplaneapi.service', {
    content: template('haproxy/dataplaneapi.service.ejs'),
  })
  return [
    binary,
    ...['maps', 'ssl', 'general', 'spoe'].map((name) => directory(`/etc/haproxy/${name}`, { mode: '0750' })),
    ...[STATE, `${STATE}/transactions`, `${STATE}/backups`, `${STATE}/storage`].map((path) =>
      directory(path, { mode: '0750' }),
    ),
    directory('/etc/dataplaneapi'),
    settings,
    unit,
    service('dataplaneapi', { enabled: true, running: true, restartOn: [binary, settings, unit] }),
    ready('the Data Plane API answers', {
      check: askApi({ vars, secrets }, `api /${api}/info`),
      within: '30s',
      unit: 'dataplaneapi.service',
    }),
  ]
}

/** Without it: nothing of it runs. What is on the host stays. */
export const noDataplaneapi = (): readonly Resource[] => [service('dataplaneapi', { enabled: false, running: false })]
