import test from 'ava'
import { UsageError } from '../../core/errors.ts'
import { type CommandLine, parseCommandLine, type Usage } from '../../core/terminal/cli.ts'
import { helpText } from '../../core/terminal/help.ts'

const usage = { playbook: 'site', summary: 'sets up the cluster', examples: ['--check --diff  show what would change'] }
const parse = (...argv: string[]): CommandLine => parseCommandLine(argv, usage)

const defaults: CommandLine = {
  inventory: undefined,
  limit: [],
  roles: [],
  check: false,
  diff: false,
  yes: false,
  json: false,
  forks: 20,
  lockWait: 0,
  verbose: false,
  lab: false,
  acceptNewHostKeys: false,
  vars: [],
  help: false,
  extra: {},
  positionals: [],
}

const valid: readonly [argv: string[], expected: Partial<CommandLine>][] = [
  [[], {}],
  [['--inventory', 'a b.yaml'], { inventory: 'a b.yaml' }],
  [['--inventory=x'], { inventory: 'x' }],
  [['--inventory=--x'], { inventory: '--x' }],
  [['--limit', 'a'], { limit: ['a'] }],
  [['--limit', 'a, b', '--limit=c'], { limit: ['a', 'b', 'c'] }],
  [['--roles', 'base,docker', '--roles', 'consul'], { roles: ['base', 'docker', 'consul'] }],
  [['--check', '--diff'], { check: true, diff: true }],
  [['--check', '--yes'], { check: true, yes: true }],
  [['--json', '--verbose', '--lab'], { json: true, verbose: true, lab: true }],
  [['--accept-new-host-keys'], { acceptNewHostKeys: true }],
  [['--forks', '1'], { forks: 1 }],
  [['--vars', 'docker.logSize=20m'], { vars: [{ role: 'docker', key: 'logSize', value: '20m' }] }],
  [
    ['--vars', 'a.b=1', '--vars', 'a.c=[x, 2]', '--vars', 'my-role.d=k: {e: no}', '--vars', 'a.e='],
    {
      vars: [
        { role: 'a', key: 'b', value: 1 },
        { role: 'a', key: 'c', value: ['x', 2] },
        { role: 'my-role', key: 'd', value: { k: { e: 'no' } } },
        { role: 'a', key: 'e', value: null },
      ],
    },
  ],
  [['--help'], { help: true }],
  [['-h'], { help: true }],
  // Whoever asks for help gets it, whatever else is wrong.
  [['--nonsense', '--forks=x', '-h'], { help: true, forks: Number.NaN }],
]

for (const [argv, expected] of valid) {
  test(`arguments: ${argv.join(' ') || '(none)'}`, (t) => {
    const line = parse(...argv)
    t.deepEqual(line, { ...defaults, ...expected })
    t.true(Object.isFrozen(line))
  })
}

const invalid: readonly [argv: string[], message: string][] = [
  [['--limt', 'a'], 'unknown flag --limt (did you mean "--limit"?)'],
  [['--Check'], 'unknown flag --Check (did you mean "--check"?)'],
  [['--fork=3'], 'unknown flag --fork (did you mean "--forks"?)'],
  [['--accept-host-keys'], 'unknown flag --accept-host-keys (did you mean "--accept-new-host-keys"?)'],
  [['--no-check'], 'unknown flag --no-check (did you mean "--check"?)'],
  [['--frobnicate'], 'unknown flag --frobnicate'],
  [['-x'], 'unknown flag -x'],
  [['--__proto__'], 'unknown flag --__proto__'],
  [['--constructor=1'], 'unknown flag --constructor'],
  [['--\u001b[2J'], 'unknown flag --\\x1b[2J'],
  [['--check=web1'], '--check takes no value'],
  [['--check', 'web1'], 'site takes no arguments: web1 (did you mean --limit web1?)'],
  [['--', '--yes'], 'site takes no arguments: --yes (did you mean --limit --yes?)'],
  [['--limit'], '--limit needs a value: --limit NAMES'],
  [['--limit', '--check'], '--limit needs a value: --limit NAMES'],
  [['--limit', ''], '--limit was given an empty value'],
  [['--limit', 'a,,b'], '--limit was given an empty value'],
  [['--roles='], '--roles was given an empty value'],
  [['--inventory='], '--inventory was given an empty value'],
  [['--inventory', 'a', '--inventory', 'b'], '--inventory was given twice'],
  [['--forks', '0'], '--forks must be a whole number from 1 to 9999, not 0'],
  [['--forks', '-1'], '--forks needs a value: --forks N'],
  [['--forks=1.5'], '--forks must be a whole number from 1 to 9999, not 1.5'],
  [['--forks', '2x'], '--forks must be a whole number from 1 to 9999, not 2x'],
  [['--forks', '10000'], '--forks must be a whole number from 1 to 9999, not 10000'],
  [['--vars', 'docker'], '--vars wants ROLE.KEY=VALUE, not docker'],
  [['--vars', 'docker=1'], '--vars wants ROLE.KEY=VALUE, not docker=1'],
  [['--vars', '__proto__.x=1'], '--vars wants ROLE.KEY=VALUE, not __proto__.x=1'],
  [['--vars', 'a.b=[1,'], '--vars a.b: the value is no YAML: Flow sequence must end with a ]'],
  [
    ['--vars', 'a.b=*x'],
    '--vars a.b: the value is no YAML: Unresolved alias (the anchor must be set before the alias): x',
  ],
  [['--lab', '--inventory', 'x'], '--lab has an inventory of its own: drop --inventory'],
  // Everything at once.
  [
    ['--chek', '--forks=0'],
    'unknown flag --chek (did you mean "--check"?)\n--forks must be a whole number from 1 to 9999, not 0',
  ],
]

for (const [argv, message] of invalid) {
  test(`arguments that are wrong: ${JSON.stringify(argv)}`, (t) => {
    const error = t.throws(() => parse(...argv), { instanceOf: UsageError })
    t.is(error.message, message)
    t.is(error.details.hint, 'npx zx playbooks/site.mjs --help')
  })
}

test('a playbook may have flags and arguments of its own', (t) => {
  const lab = {
    playbook: 'lab',
    summary: 'three machines on this computer',
    examples: [],
    positionals: 'up | ssh NAME [-- COMMAND]',
    extra: {
      nodes: { type: 'string', value: 'N', summary: 'how many machines' },
      group: { type: 'string', summary: 'a group', repeatable: true },
      keep: { type: 'boolean', summary: 'keep the disks' },
    },
  } as const satisfies Usage
  const line = parseCommandLine(['ssh', 'node-1', '--nodes', '5', '--group=a', '--group=b', '--', 'ls', '--all'], lab)
  t.deepEqual(line.positionals, ['ssh', 'node-1', 'ls', '--all'])
  t.deepEqual(line.extra, { nodes: '5', group: ['a', 'b'], keep: false })
  t.is(line.extra.nodes satisfies string | undefined, '5')
  t.throws(() => parseCommandLine(['--node=5'], lab), { message: 'unknown flag --node (did you mean "--nodes"?)' })
  t.true(
    helpText(lab).includes('usage: npx zx playbooks/lab.mjs up | ssh NAME [-- COMMAND] [flags]\n\nflags of lab:\n'),
  )
})

test('the help names every flag, the examples and the exit status, in 80 columns', (t) => {
  const help = helpText(usage)
  for (const flag of [
    'inventory',
    'limit',
    'roles',
    'check',
    'diff',
    'yes',
    'json',
    'forks',
    'verbose',
    'lab',
    'vars',
  ]) {
    t.regex(help, new RegExp(`^  --${flag} `, 'm'))
  }
  t.true(help.includes('  npx zx playbooks/site.mjs --check --diff  show what would change\n'))
  t.true(help.includes('exit status: 0 converged; 1 failed; 2 something would change (--check)\n'))
  t.deepEqual(
    help.split('\n').filter((line) => line.length > 80),
    [],
  )
})
