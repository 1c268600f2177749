import { type Secret, type Secrets, withApi } from '../../core/index.ts'
import { CA_FILE } from './files.ts'

/** Nomad's API on a host. Source: Nomad's "HTTP API" reference. */
export const API = { url: 'https://127.0.0.1:4646', ca: CA_FILE } as const

/** The same, as whoever may do anything. */
export const asManager = (secrets: Secrets) => ({
  ...API,
  tokenHeader: 'X-Nomad-Token',
  token: secrets.value('nomad-management-token'),
})

/** A script that asks with the management token; see `withApi`. */
export const managerScript = (name: string, secrets: Secrets, script: string): string | Secret =>
  withApi(name, asManager(secrets), script)

/** A command that asks for what needs no token, and prints the answer. */
export const asking = (path: string): string =>
  `curl -q -sS --fail --noproxy '*' --max-time 9 --cacert ${API.ca} '${API.url}${path}'`

/**
 * Reads what the servers know of the host's own node into `$node`, one line of JSON. `status` is then its status (that of
 * a former drain has other words), `value KEY` the first text of that name, and `docker` whether its docker driver is
 * healthy. Source: hashicorp/nomad, nomad/structs: Node, NodeStatus*, DriverInfo
 */
export const OWN_NODE = `
node=$(api "/v1/node/$(cat /opt/nomad/data/client/client-id)") || exit 1
find() { printf %s "$node" | grep -oE "$1" | head -n 1; }
status() { find '"Status":"(initializing|ready|down|disconnected)"' | cut -d '"' -f 4; }
value() { find "\\"$1\\":\\"[^\\"]*\\"" | cut -d '"' -f 4; }
docker() {
  case $(find '"docker":\\{"Attributes":(\\{[^}]*\\}|null),[^}]*') in *'"Healthy":true'*) echo healthy ;; *) echo unhealthy ;; esac
}`
