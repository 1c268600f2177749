import { createHash } from 'node:crypto'
import {
  type Cluster,
  certificate,
  directory,
  file,
  type Host,
  type HostWithFacts,
  isServer,
  publicNamesOf,
  type Resource,
  type RoleInput,
  type Secret,
  serversOf,
  template,
} from '../../core/index.ts'
import type { Installation } from './install.ts'
import { type ConsulVars, httpsPort } from './vars.ts'

type Input = Pick<RoleInput<ConsulVars>, 'host' | 'hosts' | 'cluster' | 'vars' | 'secrets'>

const CONFIG = '/etc/consul.d'
export const CERTIFICATE = `${CONFIG}/tls/agent.pem`
const OURS = { owner: 'consul', group: 'consul', mode: '0640' }
const PRIVATE = { ...OURS, mode: '0750' }

/** The files of an agent, by what they ask of it. */
export type AgentFiles = Readonly<{
  resources: readonly Resource[]
  /** Read at start alone. */
  restartOn: readonly Resource[]
  /** Read again on a reload. */
  reloadOn: readonly Resource[]
  /** What the SOA record of its DNS tells of an agent that has read the newest of them. */
  generation: number
}>

/** The other servers that an agent looks for when it starts. Without itself, so that being ready means having found one. */
export const peersOf = (host: Host, hosts: readonly Host[]): readonly string[] =>
  serversOf(hosts)
    .filter(({ name }) => name !== host.name)
    .map(({ privateIp }) => privateIp)

type ConfigTokens = Readonly<{ tokens: Readonly<Record<string, Secret>>; generation: number }>

/** Everything in /etc/consul.d. Source: consul's documentation, "Agents configuration file reference". */
export const agentFiles = (input: Input, { program, dnsToken }: Installation): AgentFiles => {
  const { host, secrets } = input
  const ca = file(`${CONFIG}/tls/ca.pem`, { ...OURS, content: secrets.ca('consul-ca').certificate })
  const identity = certificateFor(input)
  const tokens = {
    agent: secrets.value('consul-agent-token'),
    [dnsToken]: secrets.value('consul-dns-token'),
    // what others call bootstrapping: the first leader makes it a token
    ...(isServer(host) && { initial_management: secrets.value('consul-management-token') }),
  }
  const generation = generationOf([ca.want.sha256 ?? '', ...Object.values(tokens).map((token) => token.reveal())])

  const [main, joining, given, further] = configFiles(input, program, { tokens, generation })
  return {
    resources: [
      directory(CONFIG, PRIVATE),
      directory(`${CONFIG}/tls`, PRIVATE),
      directory('/opt/consul', PRIVATE),
      ca,
      identity,
      main,
      joining,
      given,
      further,
    ],
    // what is in consul-join.hcl matters only to an agent that starts for the first time, or again anyway
    restartOn: [main, further],
    reloadOn: [ca, identity, given],
    generation,
  }
}

/** Each is tried together with those before it, in the order in which the agent reads them. */
const configFiles = (input: Input, program: string, tokens: ConfigTokens) => {
  const { host, hosts, vars, secrets } = input
  const checked = (name: string, content: string | Secret, siblings: readonly Resource[] = []) =>
    file(`${CONFIG}/${name}`, {
      ...OURS,
      content,
      validate: `${program} validate -quiet "\${1%/*}"`,
      siblings: siblings.map(({ id }) => id),
    })
  const main = checked('consul.hcl', template('consul/consul.hcl.ejs', settingsOf(input)))
  const joining = checked(
    'consul-join.hcl',
    template('consul/consul-join.hcl.ejs', {
      key: secrets.value('consul-gossip-key'),
      peers: peersOf(host, hosts),
      expect: isServer(host) ? serversOf(hosts).length : null,
    }),
    [main],
  )
  const given = checked('consul-tokens.hcl', template('consul/consul-tokens.hcl.ejs', tokens), [main, joining])
  // read after the others, so that it wins
  const further = checked('settings.json', `${JSON.stringify(vars.settings, null, 2)}\n`, [main, joining, given])
  return [main, joining, given, further] as const
}

const certificateFor = ({ host, cluster, secrets }: Input) => {
  const { datacenter, expose } = cluster
  // Source: `consul tls cert create`; servers of other names are refused by verify_server_hostname
  const own = isServer(host)
    ? [`server.${datacenter}.consul`, `${host.name}.server.${datacenter}.consul`]
    : [`client.${datacenter}.consul`]
  return certificate(CERTIFICATE, {
    ...OURS,
    subject: own[0] as string,
    names: [...own, 'localhost', '127.0.0.1', host.privateIp, ...(expose === 'management' ? publicNamesOf(host) : [])],
    ca: secrets.ca('consul-ca'),
  })
}

const settingsOf = ({ host, cluster, vars }: Input) => ({
  datacenter: cluster.datacenter,
  name: host.name,
  server: isServer(host),
  address: host.privateIp,
  https: { port: httpsPort(cluster), addresses: httpsAddresses(host, cluster) },
  raftMultiplier: vars.raftMultiplier,
})

/** In management the loopback has the same port without TLS. */
const httpsAddresses = ({ privateIp, facts }: HostWithFacts, { expose }: Cluster): string => {
  if (expose === 'private') return `127.0.0.1 ${privateIp}`
  const { publicInterface } = facts
  // it is a pattern. Source: hashicorp/go-sockaddr, template
  return publicInterface === undefined ? privateIp : `${privateIp} {{ GetInterfaceIP "^${publicInterface}$" }}`
}

// 20 bits of a hash tell nothing of what was hashed, and are enough to tell that it changed.
const generationOf = (inputs: readonly string[]): number =>
  600 + (createHash('sha256').update(inputs.join('\n')).digest().readUInt32BE() >>> 12)
