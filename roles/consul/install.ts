import {
  aptRepository,
  artifact,
  atLeast,
  CaravanError,
  packages,
  type Resource,
  type RoleInput,
  user,
} from '../../core/index.ts'
import type { ConsulVars } from './vars.ts'

type Input = Pick<RoleInput<ConsulVars>, 'host' | 'vars' | 'releases'>

/** How the program comes to a host. */
export type Installation = Readonly<{
  /** The program's path. */
  program: string
  resources: readonly Resource[]
  /** What a new version changes. */
  restartOn: readonly Resource[]
  /** Which of the agent's tokens answers DNS. Since 1.17 there is one for that alone. Source: Consul's changelog */
  dnsToken: 'dns' | 'default'
}>

/** The program, its user, and what our checks call. */
export const install = (input: Input): Installation => {
  const installed = input.vars.from === 'apt' ? fromApt(input) : fromRelease(input)
  return {
    program: installed.program,
    // the package makes the same user when there is none
    resources: [
      ...packages(['curl', 'openssl', 'bind9-dnsutils']),
      user('consul', { system: true }),
      ...installed.resources,
    ],
    restartOn: installed.restartOn,
    dnsToken: atLeast(installed.version, '1.17.0') ? 'dns' : 'default',
  }
}

type Program = Omit<Installation, 'dnsToken'> & Readonly<{ version: string }>

const fromRelease = ({ releases }: Input): Program => {
  const release = releases('consul')
  const program = '/usr/local/bin/consul'
  const binary = artifact('consul', { ...release, to: program })
  return { program, version: release.version, resources: [binary], restartOn: [binary] }
}

// Source: https://www.hashicorp.com/official-packaging-guide
const APT = 'https://apt.releases.hashicorp.com'
// Source: https://www.hashicorp.com/trust/security, "Linux Package Checksum Verification"
const FINGERPRINT = '798AEC654E5C15428C8E42EEAA16FCBCA621E701'

const fromApt = ({ host, vars: { version, aptKey } }: Input): Program => {
  if (version === undefined || aptKey === undefined)
    throw new CaravanError(
      `consul from apt needs ${version === undefined ? 'a version' : 'aptKey, the file of its key'}`,
      {
        hint:
          version === undefined
            ? 'vars: { consul: { from: apt, version: 1.16.6 } }'
            : `curl -fsSLo hashicorp.asc ${APT}/gpg, and vars: { consul: { aptKey: hashicorp.asc } }`,
      },
    )
  const repository = aptRepository('hashicorp', {
    uris: [APT],
    suites: [host.facts.os.codename],
    components: ['main'],
    key: { source: aptKey, fingerprint: FINGERPRINT },
  })
  // the packages of this repository count their builds from 1
  const installed = packages([{ name: 'consul', version: `${version}-1`, hold: true }])
  return { program: '/usr/bin/consul', version, resources: [repository, ...installed], restartOn: installed }
}
