import {
  atLeast,
  certificate,
  directory,
  file,
  isServer,
  publicNamesOf,
  type Resource,
  type RoleInput,
  serversOf,
  template,
} from '../../core/index.ts'
import { AFTER_BOOT } from './after-boot.ts'
import type { NomadVars } from './vars.ts'

export const CA_FILE = '/etc/nomad.d/tls/ca.pem'
export const CERTIFICATE = '/etc/nomad.d/tls/agent.pem'

const CONFIG = '/etc/nomad.d/nomad.hcl'
const CONSUL = '/etc/nomad.d/consul.hcl'
const SETTINGS = '/etc/nomad.d/settings.json'
const JOIN = '/etc/nomad.d/nomad-join.hcl'

type Input = RoleInput<NomadVars>

/** The directories of an agent. A client's data is root's alone. Source: Nomad's deployment requirements. */
export const directories = (): readonly Resource[] => [
  directory('/opt/nomad'),
  directory('/opt/nomad/data', { mode: '0700' }),
  directory('/etc/nomad.d', { mode: '0750' }),
  directory('/etc/nomad.d/tls', { mode: '0700' }),
]

/** Certificate and key of the agent, and the CA that all agents trust. Source: `nomad tls cert create`. */
export const certificates = ({ host, cluster, secrets, vars }: Input): readonly Resource[] => {
  const ca = secrets.ca('nomad-ca')
  // agents ask for this very name when they verify a server; one that is both has the server's
  const subject = `${isServer(host) ? 'server' : 'client'}.${vars.region}.nomad`
  return [
    file(CA_FILE, { content: ca.certificate }),
    certificate(CERTIFICATE, {
      subject,
      names: [
        subject,
        'localhost',
        '127.0.0.1',
        host.privateIp,
        ...(cluster.expose === 'management' ? publicNamesOf(host) : []),
      ],
      ca,
    }),
  ]
}

/** The configuration that an agent restarts on. */
export const configuration = (input: Input): readonly Resource[] => {
  const { host, secrets, vars, releases } = input
  const content = template('nomad/nomad.hcl.ejs', {
    ...vars,
    name: host.name,
    datacenter: input.cluster.datacenter,
    privateIp: host.privateIp,
    http: listenOn(input).join(' '),
    server: isServer(host),
    // without one the host is kept out of the run: see health.ts
    interface: host.facts.privateInterface ?? 'none',
    volumes: volumesOf(input),
  })
  const token = secrets.value('consul-nomad-token')
  const identities = isServer(host) && atLeast(releases('nomad').version, '1.10.0')
  return [
    file(CONSUL, { content: template('nomad/consul.hcl.ejs', { token, identities }) }),
    file(CONFIG, { content, mode: '0640', validate: VALIDATE, siblings: [CONSUL, JOIN] }),
    // read after the others, so that it wins
    file(SETTINGS, {
      content: `${JSON.stringify(vars.settings, null, 2)}\n`,
      mode: '0640',
      validate: VALIDATE,
      siblings: [CONSUL, CONFIG, JOIN],
    }),
  ]
}

// The whole directory, as the agent reads it. Source: `nomad config validate -help`.
const VALIDATE = `/usr/local/bin/nomad config validate "\${1%/*}"`

/** What an agent reads at its first start only. */
export const joining = ({ host, hosts, secrets }: Input): Resource => {
  const servers = serversOf(hosts)
  const peers = servers.flatMap(({ name, privateIp }) => (name === host.name ? [] : [privateIp]))
  const content = isServer(host)
    ? template('nomad/nomad-join.hcl.ejs', {
        server: true,
        expect: servers.length,
        gossipKey: secrets.value('nomad-gossip-key'),
        // Serf's port
        peers: peers.map((address) => `${address}:4648`),
      })
    : template('nomad/nomad-join.hcl.ejs', { server: false, peers: peers.map((address) => `${address}:4647`) })
  return file(JOIN, { content, mode: '0600', validate: VALIDATE, siblings: [CONSUL, CONFIG, SETTINGS] })
}

/** The systemd unit. Source: the packaged units of 1.6.1 to 2.0.5; sd_notify came with 1.8.0, User=root with 1.8.4. */
export const unitFile = (input: Input): Resource => {
  const { version } = input.releases('nomad')
  return file('/etc/systemd/system/nomad.service', {
    content: template('nomad/nomad.service.ejs', {
      after: ['consul.service', ...(input.vars.client ? ['docker.service'] : [])],
      client: input.vars.client,
      afterBoot: AFTER_BOOT,
      paths: volumesOf(input).map(({ path }) => path),
      notify: atLeast(version, '1.8.0'),
      user: atLeast(version, '1.8.4'),
    }),
  })
}

/** Where the API listens. The first address is the one that Consul checks. */
const listenOn = ({ cluster, host }: Input): readonly string[] => [
  '127.0.0.1',
  host.privateIp,
  ...(cluster.expose === 'management' && host.facts.publicInterface !== undefined
    ? // it is a pattern. Source: hashicorp/go-sockaddr, template
      [`{{ GetInterfaceIP "^${host.facts.publicInterface}$" }}`]
    : []),
]

type Volume = NomadVars['hostVolumes'][string] & Readonly<{ name: string }>

/** The host's volumes; one that wants a slot is not on a host that has none. */
const volumesOf = ({ host: { slot }, vars }: Input): readonly Volume[] =>
  Object.entries(vars.client ? vars.hostVolumes : {}).flatMap(([name, volume]) =>
    name.includes('[slot]') && slot === undefined ? [] : [{ ...volume, name: name.replace('[slot]', `[${slot}]`) }],
  )

export const volumeDirectories = (input: Input): readonly Resource[] =>
  volumesOf(input).map(({ path, owner, group, mode }) => directory(path, { owner, group, mode, parents: true }))
