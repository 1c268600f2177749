import { type HealthCheck, type HealthInput, Secret, type Secrets, withApi } from '../../core/index.ts'
import { ADMIN_PASSWORD, configText, PASSWORD, runsConfig } from './config.ts'
import { API_PORT, adminOf, aliveOf, listeningOf, nodesOf, reachedAt, STATS_PORT } from './listen.ts'
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
  ...listeningOf(input).http.map((bind) => http(input, bind)),
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

const http = ({ host: own, secrets }: Input, bind: string): HealthCheck => {
  const { host, port } = reachedAt(bind)
  const get = `curl -qsS --noproxy '*' --max-time 8 -o /dev/null -w '%{http_code}'`
  const url = `http://${host}:${port}/`
  const asks = aliveOf(own).includes('401')
  return {
    name: `HTTP on ${host}:${port}`,
    ask: asks ? asAdmin(`${get} --config - ${url}`, adminOf(own), secrets.value(ADMIN_PASSWORD)) : `${get} ${url}`,
    expect: `200 of CrateDB behind it${asks ? `, for its user ${adminOf(own)}` : ''}`,
    judge: (answer) => answer === '200',
  }
}

// Source: curl(1), "--config": in quotes \\ and \" stand for themselves
const asAdmin = (curl: string, user: string, password: Secret): Secret =>
  Secret.of(
    'a question to CrateDB',
    `${curl} <<'CARAVAN_USER'\nuser = "${user}:${password.reveal().replaceAll(/["\\]/g, '\\$&')}"\nCARAVAN_USER`,
    [password],
  )

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
    ask: `curl -qfsS --noproxy '*' --max-time 8 'http://127.0.0.1:${STATS_PORT}/stats;csv' | awk -F, '$1 == "${backend}" && $2 != "FRONTEND" && $18 !~ /^MAINT/ { printf "%s%s=%s", sep, $2, $18; sep = ", " }'`,
    expect: `BACKEND and at least ${nodes} servers, all UP; slots that nobody uses do not count`,
    judge: (answer) => {
      const rows = answer.split(', ')
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
