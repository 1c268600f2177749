import { type HealthCheck, type HealthInput, type Secret, type Secrets, withApi } from '../../core/index.ts'
import { configText, PASSWORD, runsConfig } from './config.ts'
import { API_PORT, aliveOf, listeningOf, nodesOf, reachedAt, STATS_PORT } from './listen.ts'
import type { HaproxyVars } from './vars.ts'

type Input = HealthInput<HaproxyVars>

/** A script that may ask the Data Plane API: `api PATH`. */
export const askApi = (
  { vars, secrets }: Readonly<{ vars: HaproxyVars; secrets: Secrets }>,
  script: string,
): string | Secret =>
  withApi(
    'a question to the Data Plane API',
    { url: `http://127.0.0.1:${API_PORT}`, user: vars.user, token: secrets.value(PASSWORD) },
    script,
  )

export const haproxyHealth = (input: Input): readonly HealthCheck[] => [
  configuration(input),
  ...listeningOf(input).http.map((bind) => http(bind, aliveOf(input.host))),
  ...listeningOf(input).pg.map(postgresql),
  servers(input, 'crate_http'),
  servers(input, 'crate_pg'),
  ...(input.vars.dataplaneapi ? [dataPlane(input)] : []),
]

const configuration = (input: Input): HealthCheck => ({
  name: 'configuration',
  ask: `systemctl is-active haproxy.service && ${runsConfig(input, configText(input))}`,
  expect: 'it runs, with what the role says loaded',
  judge: (answer, status) => status === 0 && answer === 'active',
})

const http = (bind: string, alive: readonly string[]): HealthCheck => {
  const { host, port } = reachedAt(bind)
  return {
    name: `HTTP on ${host}:${port}`,
    ask: `curl -qsS --noproxy '*' --max-time 8 -o /dev/null -w '%{http_code}' http://${host}:${port}/`,
    expect: `${alive.join(' or ')} of CrateDB behind it${alive.includes('401') ? ', which asks for a password' : ''}`,
    judge: (answer) => alive.includes(answer),
  }
}

// Length 8, then the number that asks for TLS. Source: PostgreSQL, "Message Formats", SSLRequest: S, N, or E for an error
const SSL_REQUEST = '\\0\\0\\0\\10\\4\\322\\26\\57'

const postgresql = (bind: string): HealthCheck => {
  const { host, port } = reachedAt(bind)
  const address = host.replaceAll(/[[\]]/g, '')
  return {
    name: `PostgreSQL on ${host}:${port}`,
    ask: `bash -c 'exec 3<>/dev/tcp/${address}/${port} && printf "${SSL_REQUEST}" >&3 && timeout 8 head -c 1 <&3'`,
    expect: 'S or N, whether CrateDB behind it speaks TLS',
    judge: (answer) => answer === 'S' || answer === 'N',
  }
}

/** Source: HAProxy management guide, "CSV format": 1 pxname, 2 svname, 18 status. */
const servers = ({ host }: Input, backend: string): HealthCheck => {
  const nodes = nodesOf(host)
  return {
    name: `servers of ${backend}`,
    ask: `curl -qfsS --noproxy '*' --max-time 8 'http://127.0.0.1:${STATS_PORT}/stats;csv' | awk -F, '$1 == "${backend}" && $2 != "FRONTEND" && $18 !~ /^MAINT/ { print $2 "=" $18 }'`,
    expect: `BACKEND and at least ${nodes} servers, all UP; slots that nobody uses do not count`,
    judge: (answer) => {
      const rows = answer.split('\n')
      return rows.length > nodes && rows.every((row) => /=UP/.test(row)) && rows.includes('BACKEND=UP')
    },
  }
}

const dataPlane = (input: Input): HealthCheck => ({
  name: 'Data Plane API',
  // its version is not known here; the one of both that it has not answers 404
  ask: askApi(input, 'api /v3/info 2>/dev/null || api /v2/info'),
  expect: 'its own version, as JSON',
  judge: (answer, status) => status === 0 && /"version"/.test(answer),
})
