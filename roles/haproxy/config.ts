import { createHash } from 'node:crypto'
import {
  type Cluster,
  type Host,
  haproxyConfig,
  passwordHash,
  type Resource,
  Secret,
  type Secrets,
  template,
} from '../../core/index.ts'
import { aliveOf, endpointOf, listeningOf, STATS_PORT, servicesOf } from './listen.ts'
import type { HaproxyVars } from './vars.ts'

export const CONFIG = '/etc/haproxy/haproxy.cfg'
export const PASSWORD = 'dataplaneapi-password'
/** Of CrateDB's own user; the role crate has it too. */
export const ADMIN_PASSWORD = 'crate-admin-password'

type Input = Readonly<{ host: Host; cluster: Cluster; vars: HaproxyVars; secrets: Secrets }>

/** The text of haproxy.cfg, and by what a running HAProxy tells that it has loaded it. */
export type ConfigText = Readonly<{ content: string | Secret; revision: string }>

export const configText = (input: Input): ConfigText => {
  const { host, vars, cluster, secrets } = input
  const asked = vars.dataplaneapi || cluster.expose === 'management'
  const data = {
    ...vars,
    ...listeningOf(input),
    ...servicesOf(input),
    alive: aliveOf(host).join(),
    hash: asked ? passwordHash(secrets.value(PASSWORD)) : undefined,
  }
  const rendered = (revision: string): string | Secret =>
    withExtra(template('haproxy/haproxy.cfg.ejs', { ...data, revision }), vars.extra)
  const text = rendered('none')
  // without its address a host's is the same as that of all others, whose plans are shown together then
  const revision = createHash('sha256')
    .update((text instanceof Secret ? text.reveal() : text).replaceAll(host.privateIp, '(private)'))
    .digest('hex')
    .slice(0, 16)
  return { content: rendered(revision), revision }
}

const withExtra = (text: string | Secret, extra: string): string | Secret => {
  if (extra === '') return text
  return text instanceof Secret ? Secret.of(text.name, `${text.reveal()}\n${extra}`, text.parts) : `${text}\n${extra}`
}

/** haproxy.cfg, which others may change too. Source: haproxy(1), -c */
export const config = ({ vars }: Input, { content }: ConfigText): Resource =>
  haproxyConfig(CONFIG, {
    content,
    group: 'haproxy',
    mode: '0640',
    foreign: vars.foreign,
    validate: '/usr/sbin/haproxy -c -f "$1"',
  })

/** Succeeds where HAProxy runs with this configuration, and listens where it says. Source: ss(8) */
export const runsConfig = (input: Input, { revision }: ConfigText): string => {
  const { http, pg } = listeningOf(input)
  const sockets = [...http, ...pg].map(endpointOf).map(({ address, port }) => {
    const filter = address === '*' ? `sport = :${port}` : `src ${address}:${port}`
    return `ss -Hltn '${filter}' | grep -q .`
  })
  return [
    `[ "$(curl -qsS --noproxy '*' --max-time 3 http://127.0.0.1:${STATS_PORT}/caravan)" = ${revision} ]`,
    ...sockets,
  ].join(' && ')
}
