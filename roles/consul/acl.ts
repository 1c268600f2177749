import {
  defineRole,
  type HttpHave,
  http,
  isServer,
  onOne,
  type Resource,
  ready,
  type Secrets,
} from '../../core/index.ts'
import { managed } from './cluster.ts'
import { ConsulVars, consulSecrets } from './vars.ts'

/** What a token may do, and its identity: who reads the list of tokens finds it by that. */
type Grant = Readonly<{ accessor: string; description: string; rules: string }>

// Source: consul's documentation, "Create ACL tokens for agents", "for DNS"; nomad's, "Consul ACL"
const grants: Readonly<Record<'agent' | 'dns' | 'nomad', Grant>> = {
  agent: {
    accessor: 'ca7a7a00-0000-4000-8000-000000000001',
    description: 'All agents of Consul, for themselves',
    rules: 'node_prefix "" { policy = "write" }\nservice_prefix "" { policy = "read" }\n',
  },
  dns: {
    accessor: 'ca7a7a00-0000-4000-8000-000000000002',
    description: 'Answers to DNS',
    rules: ['node', 'service', 'query'].map((kind) => `${kind}_prefix "" { policy = "read" }\n`).join(''),
  },
  nomad: {
    accessor: 'ca7a7a00-0000-4000-8000-000000000003',
    description: 'All agents of Nomad',
    rules: [
      'agent_prefix "" { policy = "read" }',
      'node_prefix "" { policy = "write" }',
      'service_prefix "" { policy = "write" }',
      'acl = "write"',
      'mesh = "write"',
      '',
    ].join('\n'),
  },
}

/** What the agents may do: policies and tokens, of the whole cluster. Until they are there, nobody may do anything. */
export default defineRole(
  'consul',
  ConsulVars,
  ({ host, secrets }) => [
    ...(isServer(host)
      ? onOne(...Object.entries(grants).flatMap(([name, grant]) => granted(name, grant, secrets)))
      : []),
    // a client may remember for half a minute that it was told of no such token
    ready('consul answers names', {
      check: `dig +short +time=2 +tries=1 @127.0.0.1 -p 8600 consul.service.consul A | grep -Eq '^[0-9.]+$'`,
      within: '90s',
      unit: 'consul.service',
    }),
  ],
  { secrets: consulSecrets },
)

const granted = (name: string, { accessor, description, rules }: Grant, secrets: Secrets): readonly Resource[] => {
  const policy = { Name: `caravan-${name}`, Description: description, Rules: rules }
  const token = {
    SecretID: secrets.value(`consul-${name}-token`),
    Description: description,
    Policies: [{ Name: policy.Name }],
  }
  return [
    http(`consul policy ${policy.Name}`, {
      ...managed(secrets),
      observe: `/v1/acl/policy/name/${policy.Name}`,
      want: policy,
      apply: (have) => ({ method: 'PUT', path: pathOf('/v1/acl/policy', have, 'ID'), body: policy }),
    }),
    http(`consul token ${policy.Name}`, {
      ...managed(secrets),
      observe: `/v1/acl/token/${accessor}`,
      want: { ...token, Policies: (links: unknown) => namesIn(links) === policy.Name },
      apply: (have) => ({
        method: 'PUT',
        path: pathOf('/v1/acl/token', have, 'AccessorID'),
        body: { AccessorID: accessor, ...token },
      }),
    }),
  ]
}

/** What is there is changed under its own path. */
const pathOf = (path: string, have: HttpHave | undefined, key: string): string => {
  const body = have?.kind === 'present' ? (have.body as Readonly<Record<string, unknown>>) : {}
  return typeof body[key] === 'string' ? `${path}/${encodeURIComponent(body[key])}` : path
}

const namesIn = (links: unknown): string =>
  Array.isArray(links) ? links.map((link: { Name?: unknown }) => String(link?.Name)).join(' ') : ''
