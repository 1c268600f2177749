import { parse } from 'yaml'
import { UsageError } from '../errors.ts'
import { type Given, readArguments } from './arguments.ts'
import { commonFlags, DEFAULT_FORKS, type Flag, type Flags } from './flags.ts'
import { safeLine } from './safe.ts'

type NoFlags = Record<never, Flag>

/** What a playbook says of itself, for its command line and its help. */
export type Usage<Extra extends Flags = NoFlags> = Readonly<{
  /** The playbook's name: `site` is playbooks/site.mjs. */
  playbook: string
  /** What it does, in one line. */
  summary: string
  /** What comes after the playbook's name; then two spaces or more, and what it does. */
  examples: readonly string[]
  /** Flags that only this playbook has. */
  extra?: Extra
  /** Flags of all playbooks that mean nothing here. */
  without?: readonly (keyof typeof commonFlags)[]
  /** What its arguments are, such as `up | down | ssh NAME`; without it arguments are an error. */
  positionals?: string
}>

/** A var of a role from `--vars`. */
export type VarFlag = Readonly<{ role: string; key: string; value: unknown }>

/** The command line of a playbook, checked; names of hosts, groups and roles are checked where they are known. */
export type CommandLine<Extra extends Flags = NoFlags> = Readonly<{
  inventory: string | undefined
  /** Hosts or groups; empty: all. */
  limit: readonly string[]
  /** Empty: all. */
  roles: readonly string[]
  check: boolean
  diff: boolean
  yes: boolean
  json: boolean
  /** Hosts that are worked on at once. */
  forks: number
  /** Seconds to wait for another run that holds a host. */
  lockWait: number
  verbose: boolean
  lab: boolean
  acceptNewHostKeys: boolean
  vars: readonly VarFlag[]
  help: boolean
  extra: Readonly<{ [Name in keyof Extra]: Value<Extra[Name]> }>
  positionals: readonly string[]
}>

/** The command line of any playbook; what its own flags hold is for the playbook to know. */
export type AnyCommandLine = Omit<CommandLine, 'extra'> & Readonly<{ extra: Readonly<Record<string, unknown>> }>

type Value<F extends Flag> = F extends { type: 'boolean' }
  ? boolean
  : F extends { repeatable: true }
    ? readonly string[]
    : string | undefined

/**
 * Understands the arguments of a playbook (without node, zx and the playbook itself).
 * @throws UsageError with everything that is wrong, and the nearest valid flag.
 */
export const parseCommandLine = <const Extra extends Flags = NoFlags>(
  argv: readonly string[],
  usage: Usage<Extra>,
): CommandLine<Extra> => {
  const flags: Flags = { ...commonFlagsOf(usage), ...usage.extra }
  const { given, positionals, problems } = readArguments(argv, flags, usage)
  // Whoever asks for help gets it, whatever else is wrong.
  const help = given.has('help')
  const text = (name: string) => given.get(name)?.at(-1)
  const vars = (given.get('vars') ?? []).flatMap((text) => parseVar(text, problems))
  const forks = parseForks(text('forks'), problems)
  const lockWait = parseLockWait(text('lock-wait'), problems)
  if (given.has('lab') && given.has('inventory')) problems.push('--lab has an inventory of its own: drop --inventory')
  if (problems.length > 0 && !help) {
    throw new UsageError(problems.join('\n'), { hint: `${commandOf(usage.playbook)} --help` })
  }
  return Object.freeze({
    inventory: text('inventory'),
    limit: given.get('limit') ?? [],
    roles: given.get('roles') ?? [],
    check: given.has('check'),
    diff: given.has('diff'),
    yes: given.has('yes'),
    json: given.has('json'),
    forks,
    lockWait,
    verbose: given.has('verbose'),
    lab: given.has('lab'),
    acceptNewHostKeys: given.has('accept-new-host-keys'),
    vars,
    help,
    extra: extraOf(usage.extra ?? {}, given) as CommandLine<Extra>['extra'],
    positionals,
  })
}

/** The flags of all playbooks that this one has. */
export const commonFlagsOf = ({ without = [] }: Pick<Usage<Flags>, 'without'>): Flags => {
  const absent: readonly string[] = without
  return Object.fromEntries(Object.entries(commonFlags).filter(([name]) => !absent.includes(name)))
}

/** How a playbook is started. */
export const commandOf = (playbook: string): string => `npx zx playbooks/${playbook}.mjs`

const parseForks = (text: string | undefined, problems: string[]): number => {
  if (text === undefined) return DEFAULT_FORKS
  if (!/^[1-9]\d{0,3}$/.test(text))
    problems.push(`--forks must be a whole number from 1 to 9999, not ${safeLine(text)}`)
  return Number(text)
}

const parseLockWait = (text: string | undefined, problems: string[]): number => {
  if (text !== undefined && !/^\d{1,5}$/.test(text))
    problems.push(`--lock-wait must be a whole number of seconds up to 99999, not ${safeLine(text)}`)
  return Number(text ?? 0)
}

const parseVar = (text: string, problems: string[]): readonly VarFlag[] => {
  const [, role, key, yaml] = /^([A-Za-z][\w-]*)\.([A-Za-z][\w-]*)=(.*)$/s.exec(text) ?? []
  if (role === undefined || key === undefined || yaml === undefined) {
    problems.push(`--vars wants ROLE.KEY=VALUE, not ${safeLine(text)}`)
    return []
  }
  try {
    return [{ role, key, value: parse(yaml, { prettyErrors: false, logLevel: 'error' }) }]
  } catch (error) {
    problems.push(`--vars ${role}.${key}: the value is no YAML: ${safeLine(String((error as Error).message))}`)
    return []
  }
}

const extraOf = (extra: Flags, given: Given): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(extra).map(([name, { type, repeatable }]) => {
      const values = given.get(name)
      if (type === 'boolean') return [name, values !== undefined]
      return [name, repeatable ? (values ?? []) : values?.at(-1)]
    }),
  )
