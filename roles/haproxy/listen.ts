import type { Cluster, Finding, Host } from '../../core/index.ts'
import type { HaproxyVars } from './vars.ts'

/** Source: HAProxy's and the Data Plane API's own examples. */
export const STATS_PORT = 8404
export const API_PORT = 5555

type Input = Readonly<{ host: Host; cluster: Cluster; vars: HaproxyVars }>

/** Where everything of this role listens, each as the words of HAProxy's `bind`. */
export type Listening = Readonly<{ http: readonly string[]; pg: readonly string[]; stats: string; api: string }>

/** Pages and APIs follow `cluster.expose`; what applications use has its own lists. */
export const listeningOf = ({ host, cluster, vars }: Input): Listening => {
  const isManaged = cluster.expose === 'management'
  const own = isManaged ? '*' : '127.0.0.1'
  return {
    http: vars.httpBind ?? [`${host.privateIp}:4200`],
    pg: vars.pgBind ?? [`${isManaged ? '*' : host.privateIp}:5432`],
    stats: `${own}:${STATS_PORT}`,
    api: `${own}:${API_PORT}`,
  }
}

type Endpoint = Readonly<{ address: string; port: string }>

/** Address and port of a `bind`; all addresses are `*`. */
export const endpointOf = (bind: string): Endpoint => {
  const [, address = '', port = ''] = /^(\S+):(\d+)/.exec(bind) ?? []
  return { address: /^(\*|0\.0\.0\.0|\[::\])$/.test(address) ? '*' : address, port }
}

/** The endpoint as a client on the same host reaches it, such as `10.33.0.2:4200`. */
export const reachedAt = (bind: string): Readonly<{ host: string; port: string }> => {
  const { address, port } = endpointOf(bind)
  return { host: address === '*' ? '127.0.0.1' : address, port }
}

/** What keeps a host's HAProxy from starting, or from serving what it should. */
export const findings = (input: Input): readonly Finding[] => [...clashes(input), ...tooFewSlots(input)]

const clashes = (input: Input): readonly Finding[] => {
  const { http, pg, stats, api } = listeningOf(input)
  const all = [
    ...http.map((bind) => ({ of: 'httpBind', bind })),
    ...pg.map((bind) => ({ of: 'pgBind', bind })),
    { of: 'the page of statistics', bind: stats },
    ...(input.vars.dataplaneapi ? [{ of: 'the Data Plane API', bind: api }] : []),
  ]
  return all.flatMap((one, index) =>
    all.slice(index + 1).flatMap((other): Finding[] => {
      const [a, b] = [endpointOf(one.bind), endpointOf(other.bind)]
      if (a.port !== b.port || (a.address !== b.address && a.address !== '*' && b.address !== '*')) return []
      const message = `port ${a.port} is wanted twice: by ${one.of} (${one.bind}) and by ${other.of} (${other.bind})`
      return [{ level: 'error', message, hint: 'give haproxy.httpBind or haproxy.pgBind another port' }]
    }),
  )
}

/** How many nodes CrateDB has, by the vars of that role. */
export const nodesOf = ({ vars }: Host): number => {
  const nodes = vars.crate?.nodes
  return typeof nodes === 'number' ? nodes : 3
}

/**
 * How CrateDB answers `GET /` while it lives: whoever it asks for a password sees nothing else. Whether it is ready is
 * known to Consul, which names no others. Source: docs/roles/crate.md
 */
export const aliveOf = ({ vars }: Host): readonly string[] =>
  vars.crate?.authentication === 'none' ? ['200'] : ['200', '401']

/** CrateDB's own user with all privileges, by the vars of that role. */
export const adminOf = ({ vars }: Host): string => String(vars.crate?.adminUser ?? 'admin')

/** What CrateDB's services are called in Consul, by our vars or those of that role. */
export const servicesOf = ({
  host,
  vars,
}: Pick<Input, 'host' | 'vars'>): { httpService: string; pgService: string } => {
  const { httpService = 'crate-http', pgService = 'crate-pg' } = host.vars.crate ?? {}
  return {
    httpService: vars.httpService ?? String(httpService),
    pgService: vars.pgService ?? String(pgService),
  }
}

const tooFewSlots = ({ host, vars: { slots } }: Input): readonly Finding[] =>
  slots >= nodesOf(host)
    ? []
    : [
        {
          level: 'error',
          message: `haproxy.slots is ${slots}, but CrateDB has ${nodesOf(host)} nodes: some would never be used`,
          hint: `haproxy.slots: ${nodesOf(host)} or more`,
        },
      ]
