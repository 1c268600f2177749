/** One flag of the command line. */
export type Flag = Readonly<{
  type: 'boolean' | 'string'
  /** What stands for the value in the help, such as `PATH`. Of strings only. */
  value?: string
  /** What it does, in a line of the help. */
  summary: string
  /** May be given several times. Of strings only. */
  repeatable?: boolean
  /** Several values in one, separated by commas. Of repeatable ones only. */
  list?: boolean
}>

export type Flags = Readonly<Record<string, Flag>>

/** Hosts that are worked on at once unless `--forks` says otherwise. */
export const DEFAULT_FORKS = 20

/** The flags that every playbook has. */
export const commonFlags = {
  inventory: { type: 'string', value: 'PATH', summary: 'the inventory (default: inventory.yaml)' },
  limit: {
    type: 'string',
    value: 'NAMES',
    summary: 'only these hosts or groups, as in node-1,node-2',
    repeatable: true,
    list: true,
  },
  roles: {
    type: 'string',
    value: 'NAMES',
    summary: 'only these roles, as in base,docker',
    repeatable: true,
    list: true,
  },
  check: { type: 'boolean', summary: 'show what would change and change nothing; exit 2 if anything would' },
  diff: { type: 'boolean', summary: 'show the contents of files that change' },
  yes: { type: 'boolean', summary: 'apply the plan without asking' },
  json: { type: 'boolean', summary: 'one event a line on stdout and nothing else (docs/events.md)' },
  forks: { type: 'string', value: 'N', summary: `work on so many hosts at once (default: ${DEFAULT_FORKS})` },
  'lock-wait': {
    type: 'string',
    value: 'SECONDS',
    summary: 'wait so long for another run that holds a host (default: 0)',
  },
  vars: {
    type: 'string',
    value: 'ROLE.KEY=VALUE',
    summary: 'set a var of a role; the value is YAML',
    repeatable: true,
  },
  lab: { type: 'boolean', summary: 'use the lab: three machines on this computer' },
  'accept-new-host-keys': { type: 'boolean', summary: 'trust hosts that were never seen before' },
  verbose: { type: 'boolean', summary: 'show phases, source lines and where the time went' },
  help: { type: 'boolean', summary: 'show this' },
} as const satisfies Flags
