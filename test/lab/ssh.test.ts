import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { parse } from 'yaml'
import type { SshSettings } from '../../core/declare/host.ts'
import { AskableError, type ConnectError } from '../../core/errors.ts'
import { sshFleet } from '../../core/remote/ssh.ts'
import { host } from '../remote/hosts.ts'
import { closeMasters } from '../remote/masters.ts'
import { labInventory } from './machines.ts'

type Settings = Readonly<{ address: string; user: string; identityFile: string; hostKeys: string[] }>

// Real sshd, PAM and sudo: `deploy` needs the password `caravan-lab`, `ops` needs none.
const inventory = labInventory()
if (!existsSync(inventory)) throw new Error('the lab is not up: npx zx playbooks/lab.mjs up')
const [name, lab] = Object.entries(parse(readFileSync(inventory, 'utf8')).hosts as Record<string, Settings>)[0] ?? []
if (name === undefined || lab === undefined) throw new Error('the lab has no host')

const room = mkdtempSync(join(tmpdir(), 'cv-lab-'))
process.env.XDG_CACHE_HOME = room
const dirs: string[] = []
test.after.always(() => {
  for (const dir of dirs) closeMasters(dir)
  rmSync(room, { recursive: true })
})

const password = (name: string, text: string): string => {
  writeFileSync(join(room, name), `${text}\n`, { mode: 0o600 })
  return join(room, name)
}

const reach = (ssh: Partial<SshSettings>, askPassword?: (question: string) => Promise<string>) => {
  const { address, user, identityFile, hostKeys } = lab
  const one = host(name, address, { user, identityFile, hostKeys, ...ssh })
  const dir = mkdtempSync(join(room, 'd'))
  dirs.push(dir)
  const fleet = sshFleet([one], {
    dir,
    acceptNewHostKeys: false,
    ownConfig: [],
    ...(askPassword ? { askPassword } : {}),
  })
  return { fleet, one, transport: fleet.transport(one) }
}

for (const [title, ssh] of [
  ['root', {}],
  ['sudo without a password', { user: 'ops' }],
  ['sudo with a password', { user: 'deploy', sudoPasswordFile: password('right', 'caravan-lab') }],
  ['sudo that does not want the password it could have', { user: 'ops', sudoPasswordFile: password('needless', 'x') }],
] as const) {
  test(`${title} runs scripts and takes bytes as root`, async (t) => {
    const { fleet, one, transport } = reach(ssh)
    await fleet.connect(one)
    const result = await transport.run('id -un; echo err >&2; exit 4')
    t.deepEqual({ ...result, stdout: String(result.stdout) }, { stdout: 'root\n', stderr: 'err\n', code: 4 })
    const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => (i * 7 + (i >> 8)) % 256))
    t.true((await transport.send('cat', bytes)).stdout.equals(bytes))
    t.is(transport.roundTrips(), 2)
  })
}

for (const [title, ssh, words] of [
  ['a missing password', { user: 'deploy' }, /sudo wants a password.*sudoPasswordFile/],
  ['a wrong password', { user: 'deploy', sudoPasswordFile: password('wrong', 'no') }, /does not accept the password/],
] as const) {
  test(`${title} says so in time, and runs nothing`, async (t) => {
    const { fleet, one } = reach(ssh)
    const began = performance.now()
    const error = await t.throwsAsync<ConnectError>(fleet.connect(one), { instanceOf: AskableError })
    t.regex(`${error?.message} ${error?.details.hint}`, words)
    // sudo itself waits for 2 s after a wrong one.
    t.true(performance.now() - began < 10_000)
  })
}

test('a person gets three tries for the password of sudo, which is not asked for again', async (t) => {
  const answers = ['no', 'caravan-lab']
  const asked: string[] = []
  const { fleet, one, transport } = reach({ user: 'deploy' }, async (question) => {
    asked.push(question)
    return answers.shift() ?? ''
  })
  await fleet.ask(one)
  t.deepEqual(asked, [`${one.name}: password for sudo`, `${one.name}: password for sudo`])
  t.is((await transport.run('id -un')).stdout.toString(), 'root\n')

  let tries = 0
  const never = reach({ user: 'deploy' }, async () => `wrong ${tries++}`)
  await t.throwsAsync(never.fleet.ask(never.one), { instanceOf: AskableError, message: /does not accept/ })
  t.is(tries, 3)
})

test('a password that a person typed is not lent to the next run', async (t) => {
  const first = reach({ user: 'deploy' }, async () => 'caravan-lab')
  await first.fleet.ask(first.one)
  const next = reach({ user: 'deploy' })
  await t.throwsAsync(next.fleet.connect(next.one), { instanceOf: AskableError })
})

test('a user who is not in sudoers hears it', async (t) => {
  const { fleet, one, transport } = reach({})
  await fleet.connect(one)
  t.teardown(() => transport.run('userdel -rf caravan-test 2>/dev/null; true'))
  await transport.run(`useradd -m caravan-test && echo caravan-test:x | chpasswd
    install -d -m 700 -o caravan-test ~caravan-test/.ssh
    install -m 600 -o caravan-test ~root/.ssh/authorized_keys ~caravan-test/.ssh/`)
  const { fleet: own, one: them } = reach({ user: 'caravan-test', sudoPasswordFile: password('theirs', 'x') })
  const error = await t.throwsAsync<ConnectError>(own.connect(them))
  t.regex(error?.message ?? '', /caravan-test may not run everything with sudo/)
  t.false(error?.askable)
})
