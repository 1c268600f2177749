import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { parse } from 'yaml'
import { labDir, labUp } from '../../lab/index.ts'
import { hostSite, hostsConverged, labInventory, on } from './machines.ts'
import { needTmux, type Terminal, terminal } from './tmux.ts'

const room = mkdtempSync(join(tmpdir(), 'cv-setup-'))
const key = join(labDir(), 'id_ed25519')
let addresses: readonly string[]

test.before(async (t) => {
  needTmux()
  const lab = await labUp({ log: t.log })
  addresses = lab.nodes.map(({ address }) => address)
  await hostsConverged(t as ExecutionContext)
})
test.after.always(() => rmSync(room, { recursive: true }))

let files = 0
const newFile = (): string => join(room, `inventory-${files++}.yaml`)

/** `setup.mjs` on a terminal, as a person starts it. */
const start = (t: ExecutionContext, ...flags: readonly string[]): Terminal => {
  const node = join('node_modules', '.bin', 'node')
  const person = terminal([node, 'node_modules/.bin/zx', 'playbooks/setup.mjs', ...flags].join(' '))
  t.teardown(person.close)
  return person
}

test('from nothing to a green site, by keys alone', async (t) => {
  const file = newFile()
  await on('node-2', 'systemctl stop docker.socket docker.service')
  // the roles of a host alone: for the others this inventory lacks where the lab has its releases from
  const person = start(t, '--inventory', file, '--lock-wait', '60', '--roles', 'base,docker')

  await person.sees('? Machines: addresses or names, separated by spaces')
  person.type(addresses.join(' '))
  person.press('Enter')
  await person.sees('? SSH user (sudo is used when it is not root) ‣ root')
  person.press('Enter')
  await person.sees('? Private key for SSH ‣ what ssh uses by itself')
  person.type(key)
  person.press('Enter')
  await person.sees('? Are the new ones the keys of your machines? (y/N)')
  person.type('y')
  for (const address of addresses) await person.sees(`  ${address}  node-`)
  await person.sees('? Private network of the cluster ‣ 10.33.0.0/16')
  person.press('Enter')
  await person.sees('? Names, in the order of the machines ‣ node-1 node-2 node-3')
  person.press('Enter')
  await person.sees('? How many of the 3 are servers? (1, 3) ‣ 3')
  person.press('Enter')
  await person.sees(`? Write ${file}? (y/N)`)
  t.false(existsSync(file))
  person.type('y')
  await person.sees(`${file} is written.`)
  await person.sees('? Apply these changes? (y/N)', { seconds: 120 })
  t.regex(person.screen(), /service docker\.service/)
  person.type('y')
  await person.sees('From here on:', { seconds: 300 })
  await person.sees('exit status: 0')

  t.regex(person.screen(), /^3 hosts · \d+ changes? made · .* right/m)
  const written = parse(readFileSync(file, 'utf8'))
  const lab = parse(readFileSync(labInventory(), 'utf8'))
  t.deepEqual(written.hosts, lab.hosts)
  t.deepEqual(written.groups, lab.groups)
  t.is(await on('node-2', 'systemctl is-active docker'), 'active')
  const again = await hostSite(['--check', '--inventory', file])
  t.is(again.exit, 0, again.errors.join('\n'))
})

test('answers that are wrong bring the questions back, and Ctrl-C writes nothing', async (t) => {
  const file = newFile()
  const flags = ['--inventory', file, '--hosts', addresses.join(','), '--accept-new-host-keys', '--identity-file', key]
  const person = start(t, ...flags, '--user', 'nobody-here', '--network', '10.44.0.0/16')

  // only the first machine asks for a password: with this user the others would do so in vain
  for (let times = 1; times <= 3; times++) {
    await person.sees(`nobody-here@${addresses[0]}'s password:`, { times })
    person.press('Enter')
  }
  for (const address of addresses) await person.sees(`${address}: ${address} does not let nobody-here in with`)
  await person.sees('? What now?')
  person.press('Down', 'Enter')
  await person.sees('? Machines:')
  person.press('Enter')
  await person.sees('? SSH user (sudo is used when it is not root) ‣ nobody-here')
  person.type('ops')
  person.press('Enter')
  await person.sees('? Private key for SSH')
  person.press('Enter')
  for (const address of addresses)
    await person.sees(`${address}: no interface has an address in the private network 10.44.0.0/16`)
  await person.sees('? What now?')
  person.press('Enter')
  await person.sees('? Private network of the cluster ‣ 10.33.0.0/16')
  person.press('Enter')
  await person.sees('? Names, in the order of the machines')
  person.press('C-c')
  await person.sees('stopped: nothing was written')
  await person.sees('exit status: 1')
  t.false(existsSync(file))
  t.notRegex(person.screen(), /Error|ERR_/)
})

test('Ctrl-C ends it where ssh asks, too', async (t) => {
  const file = newFile()
  const flags = ['--inventory', file, '--hosts', addresses.join(','), '--accept-new-host-keys', '--identity-file', key]
  const person = start(t, ...flags, '--user', 'nobody-here')
  await person.sees(`nobody-here@${addresses[0]}'s password:`)
  person.press('C-c')
  await person.sees('stopped: nothing was written')
  await person.sees('exit status: 1')
  t.false(existsSync(file))
  t.is(person.screen().split("'s password:").length, 2)
})

test('who needs a password for sudo is asked for it', async (t) => {
  const file = newFile()
  const flags = ['--inventory', file, '--hosts', addresses[0] ?? '', '--accept-new-host-keys', '--identity-file', key]
  const person = start(t, ...flags, '--user', 'deploy', '--network', '10.33.0.0/16', '--names', 'solo')
  await person.sees(`${addresses[0]}: password for sudo`)
  person.type('caravan-lab')
  person.press('Enter')
  await person.sees(`  ${addresses[0]}  node-1`)
  await person.sees(`? Write ${file}? (y/N)`)
  person.type('n')
  await person.sees('nothing was written')
  await person.sees('exit status: 1')
  t.false(existsSync(file))
  t.notRegex(person.screen(), /caravan-lab/)
})

test('all by flags asks nothing, and --overwrite keeps what was there', async (t) => {
  const file = newFile()
  const flags = ['--inventory', file, '--hosts', addresses.join(','), '--user', 'root', '--identity-file', key]
  const more = ['--network', '10.33.0.0/16', '--names', 'node-1,node-2,node-3', '--servers', '3', '--lock-wait', '60']
  const all = [...flags, ...more, '--accept-new-host-keys', '--yes', '--roles', 'base,docker', '</dev/null']
  const first = start(t, ...all, '--write')
  await first.sees('exit status: 0', { seconds: 300 })
  const text = readFileSync(file, 'utf8')
  const refused = start(t, ...all, '--write')
  await refused.sees('is there already')
  await refused.sees('exit status: 1')
  const second = start(t, ...all, '--overwrite')
  await second.sees('the old one is')
  await second.sees('exit status: 0', { seconds: 300 })
  t.is(readFileSync(file, 'utf8'), text)
  t.regex(second.screen(), /nothing to change/)
})
