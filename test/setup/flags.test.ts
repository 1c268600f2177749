import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { UsageError } from '../../core/errors.ts'
import { answersOf, refuseMissing, setupFlags, unusedFlags } from '../../core/setup/flags.ts'
import { parseCommandLine } from '../../core/terminal/cli.ts'

const room = mkdtempSync(join(tmpdir(), 'cv-setup-flags-'))
test.after.always(() => rmSync(room, { recursive: true }))

const parse = (...argv: readonly string[]) =>
  parseCommandLine(argv, { playbook: 'setup', summary: '', examples: [], extra: setupFlags, without: unusedFlags })
const answers = (...argv: readonly string[]) => answersOf(parse(...argv))

test('every answer has a flag', (t) => {
  const key = join(room, 'id')
  writeFileSync(key, '')
  const given = answers(
    ...[
      '--hosts',
      '203.0.113.1,203.0.113.2',
      '--hosts',
      '203.0.113.3\n203.0.113.4',
      '--user',
      'deploy',
      '--port',
      '2222',
    ],
    ...['--identity-file', key, '--sudo-password-file', key, '--network', '10.33.0.0/16', '--servers', '3'],
    ...['--names', 'a,b,c,d', '--private-ips', '10.33.0.2,10.33.0.3,10.33.0.4,10.33.0.5'],
  )
  t.deepEqual(given, {
    hosts: ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4'],
    ...{ user: 'deploy', port: 2222, identityFile: key, sudoPasswordFile: key, network: '10.33.0.0/16' },
    privateIps: ['10.33.0.2', '10.33.0.3', '10.33.0.4', '10.33.0.5'],
    ...{ names: ['a', 'b', 'c', 'd'], servers: 3 },
  })
})

test('no flag is no answer', (t) => {
  t.deepEqual(new Set(Object.values(answers())), new Set([undefined]))
})

test('all that is wrong with flags is said at once', (t) => {
  writeFileSync(join(room, 'id.pub'), '')
  const argv = ['--hosts', 'a,b', '--user', 'a b', '--port', '0', '--identity-file', join(room, 'id.pub')]
  const more = ['--sudo-password-file', join(room, 'none'), '--network', '10/8', '--names', 'x', '--servers', '3']
  const error = t.throws(() => answers(...argv, ...more), { instanceOf: UsageError })
  t.deepEqual(error?.message.split('\n'), [
    '--user: "a b" is no user name',
    '--port: "0" is no port',
    `--identity-file: ${join(room, 'id.pub')} is the public key; the private one is beside it, without .pub`,
    `--sudo-password-file: ${join(room, 'none')} does not exist`,
    '--network: "10/8" is no IPv4 network such as 10.33.0.0/16',
    '--names: 2 names are wanted, one for each machine in their order',
    '--servers: there are 2 machines',
  ])
})

const complete = ['--hosts', 'a,b,c', '--network', '10.33.0.0/16', '--names', 'a,b,c', '--servers', '3']
const missing: readonly (readonly [string, readonly string[], boolean, boolean, string | undefined])[] = [
  ['all', [], false, false, '--hosts --user --network --names --servers --write'],
  ['none', complete, true, true, undefined],
  ['the user, where the configuration knows none', complete, true, false, '--user'],
  ['the word that it may be written', complete, false, true, '--write'],
  ['no servers, where there can be only one', ['--hosts', 'a,b'], true, true, '--network --names'],
]
for (const [title, argv, writes, hasUsers, flags] of missing) {
  test(`without a terminal, missing: ${title}`, (t) => {
    const refuse = () => refuseMissing(answers(...argv), writes, hasUsers)
    if (flags === undefined) t.notThrows(refuse)
    else
      t.throws(refuse, {
        instanceOf: UsageError,
        message: `nobody can be asked here, and these answers are missing: ${flags}`,
      })
  })
}

/** The playbook itself, without a terminal. */
const setup = (...argv: readonly string[]) => {
  const args = ['node_modules/.bin/zx', 'playbooks/setup.mjs', ...argv]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { input: '', encoding: 'utf8', timeout: 20_000 })
  return { status, stdout, stderr }
}

test('without a terminal nothing waits: exit 1 that names the flags', (t) => {
  const { status, stdout, stderr } = setup('--inventory', join(room, 'inventory.yaml'))
  t.is(status, 1)
  t.is(stdout, '')
  t.regex(stderr, /^nobody can be asked here, and these answers are missing: --hosts --user .*--write\n {2}try: /)
})

test('somebody’s inventory is replaced only by --overwrite', (t) => {
  const path = join(room, 'mine.yaml')
  writeFileSync(path, 'hosts: {}\n')
  const flags = ['--user', 'root', '--write', '--inventory', path]
  const { status, stderr } = setup(...complete, ...flags)
  t.is(status, 1)
  t.regex(stderr, /mine\.yaml is there already\n {2}try: --overwrite keeps it beside the new one as mine\.yaml\.bak-/)
  t.false(readdirSync(room).some((name) => name.includes('.bak-')))
})

test('an unreachable machine is an error that says which, and nothing is written', (t) => {
  const path = join(room, 'none.yaml')
  const flags = ['--hosts', '127.0.0.1', '--port', '1', '--user', 'root', '--network', '10.33.0.0/16']
  const { status, stderr } = setup(...flags, '--names', 'a', '--write', '--yes', '--inventory', path)
  t.is(status, 1)
  t.regex(stderr, /^127\.0\.0\.1: 127\.0\.0\.1 refuses connections on port 1\n/)
  t.false(readdirSync(room).includes('none.yaml'))
})

test('flags that make no sense before there is an inventory are unknown', (t) => {
  for (const flag of unusedFlags)
    t.throws(() => parse(`--${flag}`), { instanceOf: UsageError, message: new RegExp(`^unknown flag --${flag}`) })
  const { status, stdout } = setup('--help')
  t.is(status, 0)
  t.regex(stdout, /flags of setup:\n {2}--hosts ADDRESSES/)
  t.notRegex(stdout, /--check|--limit/)
})
