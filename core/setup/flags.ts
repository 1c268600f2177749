import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import type { CommandLine } from '../terminal/cli.ts'
import type { Flags } from '../terminal/flags.ts'
import {
  addressesProblem,
  listOf,
  namesProblem,
  networkProblem,
  privateIpsProblem,
  serversProblem,
  userProblem,
} from './typed.ts'

/** The flags that only the set-up has: one for each of its questions. */
export const setupFlags = {
  hosts: {
    type: 'string',
    value: 'ADDRESSES',
    summary: 'the machines: addresses, names or aliases of ~/.ssh/config, as in 203.0.113.1,203.0.113.2',
    repeatable: true,
    list: true,
  },
  user: { type: 'string', value: 'NAME', summary: 'the SSH user; sudo is used when it is not root' },
  port: { type: 'string', value: 'N', summary: 'the SSH port (default: what your ssh configuration says)' },
  'identity-file': {
    type: 'string',
    value: 'PATH',
    summary: 'the private key for SSH (default: what your ssh uses by itself)',
  },
  'sudo-password-file': {
    type: 'string',
    value: 'PATH',
    summary: 'a file (mode 0600) whose first line is the password of sudo',
  },
  network: { type: 'string', value: 'CIDR', summary: 'the private network, as in 10.33.0.0/16' },
  'private-ips': {
    type: 'string',
    value: 'ADDRESSES',
    summary: 'the private addresses, where a machine has several, in the order of --hosts',
    repeatable: true,
    list: true,
  },
  names: {
    type: 'string',
    value: 'NAMES',
    summary: "the machines' names in the inventory, in the order of --hosts",
    repeatable: true,
    list: true,
  },
  servers: { type: 'string', value: 'N', summary: 'how many of them, the first ones, are servers: 1, 3, 5 or 7' },
  write: { type: 'boolean', summary: 'write the inventory without asking' },
  overwrite: { type: 'boolean', summary: 'the same, also where one is already; that is kept beside it as *.bak-TIME' },
} as const satisfies Flags

/** Flags of all playbooks that mean nothing before there is an inventory. */
export const unusedFlags = ['limit', 'check', 'json', 'vars'] as const

/** Answers that were given before the questions; paths are absolute. */
export type Answers = Readonly<{
  hosts: readonly string[] | undefined
  user: string | undefined
  port: number | undefined
  identityFile: string | undefined
  sudoPasswordFile: string | undefined
  network: string | undefined
  privateIps: readonly string[] | undefined
  names: readonly string[] | undefined
  servers: number | undefined
}>

export const NO_ANSWERS: Answers = Object.freeze({
  ...{ hosts: undefined, user: undefined, port: undefined, identityFile: undefined, sudoPasswordFile: undefined },
  ...{ network: undefined, privateIps: undefined, names: undefined, servers: undefined },
})

/** The answers of the command line. @throws UsageError with everything that is wrong with them. */
export const answersOf = ({ extra }: Pick<CommandLine<typeof setupFlags>, 'extra'>): Answers => {
  const list = (values: readonly string[]) => (values.length === 0 ? undefined : values.flatMap(listOf))
  const [hosts, names, privateIps] = [list(extra.hosts), list(extra.names), list(extra['private-ips'])]
  const machines = hosts?.length
  const problems = [
    about('hosts', hosts, addressesProblem),
    about('user', extra.user, userProblem),
    about('port', extra.port, portProblem),
    about('identity-file', extra['identity-file'], fileProblem),
    about('sudo-password-file', extra['sudo-password-file'], fileProblem),
    about('network', extra.network, networkProblem),
    about('private-ips', privateIps, (given) => privateIpsProblem(given, machines ?? given.length)),
    about('names', names, (given) => namesProblem(given, machines ?? given.length)),
    about('servers', extra.servers, (given) => serversProblem(given, machines ?? Number.POSITIVE_INFINITY)),
  ].flat()
  if (problems.length > 0) throw new UsageError(problems.join('\n'), { hint: 'npx zx playbooks/setup.mjs --help' })
  const path = (given: string | undefined) => (given === undefined ? undefined : pathOf(given))
  const number = (given: string | undefined) => (given === undefined ? undefined : Number(given))
  return Object.freeze({
    ...{ hosts, user: extra.user, port: number(extra.port), identityFile: path(extra['identity-file']) },
    ...{ sudoPasswordFile: path(extra['sudo-password-file']), network: extra.network, privateIps, names },
    servers: number(extra.servers),
  })
}

const about = <T>(flag: string, given: T | undefined, problem: (given: T) => string | undefined): readonly string[] => {
  const found = given === undefined ? undefined : problem(given)
  return found === undefined ? [] : [`--${flag}: ${found}`]
}

const portProblem = (port: string): string | undefined =>
  /^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65535 ? undefined : `"${port}" is no port`

/** What is wrong with a path of a file that we shall read. */
export const fileProblem = (typed: string): string | undefined => {
  const path = pathOf(typed)
  if (!existsSync(path)) return `${typed} does not exist`
  if (!statSync(path).isFile()) return `${typed} is no file`
  return path.endsWith('.pub') ? `${typed} is the public key; the private one is beside it, without .pub` : undefined
}

/** The absolute path of what was typed. */
export const pathOf = (typed: string): string => resolve(typed.replace(/^~(?=\/)/, homedir()))

/** @throws UsageError that names the flag of every answer that nobody can be asked for. */
export const refuseMissing = (answers: Answers, writes: boolean, hasUsers: boolean): void => {
  const { hosts, network, names, servers } = answers
  const missing = Object.entries({
    hosts: hosts === undefined,
    user: !hasUsers,
    network: network === undefined,
    names: names === undefined,
    servers: servers === undefined && (hosts === undefined || hosts.length > 2),
    write: !writes,
  }).flatMap(([flag, isMissing]) => (isMissing ? [`--${flag}`] : []))
  if (missing.length === 0) return
  throw new UsageError(`nobody can be asked here, and these answers are missing: ${missing.join(' ')}`, {
    hint: 'run it in a terminal, where it asks for them and proposes answers; or npx zx playbooks/setup.mjs --help',
  })
}
