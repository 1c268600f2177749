import { aptRepository, defineRole, directory, packages, type Resource, ready, service } from '../../core/index.ts'
import { ADMIN_PASSWORD, config, configText, PASSWORD, runsConfig } from './config.ts'
import { dataplaneapi, noDataplaneapi } from './dataplaneapi.ts'
import { haproxyHealth } from './health.ts'
import { findings } from './listen.ts'
import { HaproxyVars } from './vars.ts'

/**
 * HAProxy in front of CrateDB, whose instances it finds through Consul, and the Data Plane API. The configuration is
 * shared with whoever changes it there. Source: HAProxy configuration manual.
 */
export default defineRole(
  'haproxy',
  HaproxyVars,
  (input) => {
    const { vars } = input
    const installed = packages([{ name: 'haproxy', hold: true, ...(vars.version && { version: vars.version }) }])
    const text = configText(input)
    const configured = config(input, text)
    return [
      ...repository(vars.aptSource),
      ...installed,
      // whoever writes haproxy.cfg again gives it a mode of its own, and there are hashes of passwords in it
      directory('/etc/haproxy', { group: 'haproxy', mode: '0750' }),
      configured,
      service('haproxy', { enabled: true, running: true, restartOn: installed, reloadOn: [configured] }),
      ready('haproxy runs its configuration', {
        check: runsConfig(input, text),
        within: '30s',
        unit: 'haproxy.service',
      }),
      ...(vars.dataplaneapi ? dataplaneapi(input) : noDataplaneapi()),
    ]
  },
  {
    checks: findings,
    health: haproxyHealth,
    secrets: { [PASSWORD]: 'password', [ADMIN_PASSWORD]: 'password' },
    products: ({ dataplaneapi, dataplaneapiVersion }) => (dataplaneapi ? { dataplaneapi: dataplaneapiVersion } : {}),
  },
)

const repository = (source: HaproxyVars['aptSource']): readonly Resource[] => {
  if (source === undefined) return []
  const { uri, suite, components, key, fingerprint } = source
  return [aptRepository('haproxy', { uris: [uri], suites: [suite], components, key: { source: key, fingerprint } })]
}
