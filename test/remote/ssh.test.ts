import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import anyTest, { type TestFn } from 'ava'
import type { SshSettings } from '../../core/declare/host.ts'
import { AskableError, CaravanError, ConnectError, UnfinishedError } from '../../core/errors.ts'
import { scanHostKeys } from '../../core/remote/host-keys.ts'
import { type FleetOptions, sshFleet } from '../../core/remote/ssh.ts'
import { host } from './hosts.ts'
import { closeMasters } from './masters.ts'
import { freePort, newKey, noSshd, type Sshd, startSshd } from './sshd.ts'

const test = anyTest as TestFn
const it = noSshd === undefined ? test : test.skip
const alone = noSshd === undefined ? test.serial : test.skip
if (noSshd !== undefined) console.warn(`skipped: tests against a real sshd, because ${noSshd}`)

const room = mkdtempSync(join(tmpdir(), 'cv-'))
process.env.XDG_CACHE_HOME = join(room, 'cache')
const sshds: Sshd[] = []
const start = async (...options: Parameters<typeof startSshd>): Promise<Sshd> => {
  const sshd = await startSshd(...options)
  sshds.push(sshd)
  return sshd
}
let sshd: Sshd
test.before(async () => {
  if (noSshd === undefined) sshd = await start()
})
test.after.always(async () => {
  for (const dir of dirs) closeMasters(dir)
  await Promise.all(sshds.map(({ stop }) => stop()))
  rmSync(room, { recursive: true, force: true })
})
const dirs = new Set<string>()

type Reaching = Readonly<{ ssh?: Partial<SshSettings>; address?: string; dir?: string } & Partial<FleetOptions>>

/** A fleet of one host on the private sshd, with a directory of its own and without the configuration of whoever runs this. */
const reach = ({ ssh, address = '127.0.0.1', dir = mkdtempSync(join(room, 'd')), ...options }: Reaching = {}) => {
  const one = host('node-1', address, { user: sshd.user, port: sshd.port, identityFile: sshd.key, ...ssh })
  const fleet = sshFleet([one], { dir, acceptNewHostKeys: false, ownConfig: [], ...options })
  dirs.add(dir)
  const transport = fleet.transport(one)
  const print = async (script: string) => (await transport.run(script)).stdout.toString()
  return { fleet, one, dir, transport, print, connect: () => fleet.connect(one), ask: () => fleet.ask(one) }
}
const pinned = (): Partial<SshSettings> => ({ hostKeys: [sshd.hostKey] })

const fails = async (t: ExecutionContext, work: Promise<unknown>, words: RegExp): Promise<CaravanError | undefined> => {
  const error = await t.throwsAsync(work, { instanceOf: CaravanError })
  t.regex(`${error?.message}\n${error?.details.detail}\n${error?.details.hint}`, words)
  t.is(error?.details.host, 'node-1')
  return error
}

// The only one that changes the environment, so it runs alone.
alone('without ssh on this computer the message says so', async (t) => {
  const path = process.env.PATH
  process.env.PATH = room
  try {
    await fails(t, reach({ ssh: pinned() }).connect(), /install the OpenSSH client/)
  } finally {
    process.env.PATH = path
  }
})

it('a script and bytes go through, and come back', async (t) => {
  const { transport } = reach({ ssh: pinned() })
  const result = await transport.run('echo out; echo err >&2; exit 9 # end')
  t.deepEqual({ ...result, stdout: String(result.stdout) }, { stdout: 'out\n', stderr: 'err\n', code: 9 })
  const bytes = Buffer.from(Array.from({ length: 2_000_000 }, (_, i) => (i * 31 + (i >> 9)) % 256))
  t.true((await transport.send('cat', bytes)).stdout.equals(bytes))
  t.is((await transport.run('exit 255')).code, 255)
  t.is(transport.roundTrips(), 3)
})

it('a second run uses the open connection', async (t) => {
  const own = await start()
  const settings = { ssh: { port: own.port, identityFile: own.key, hostKeys: [own.hostKey] }, dir: join(room, 'warm') }
  const first = reach(settings)
  await first.connect()
  t.true(first.transport.connectSeconds() > 0)
  await Promise.all([first.print('echo'), first.print('echo')])
  await first.fleet.close()
  const second = reach(settings)
  await second.connect()
  t.is(second.transport.connectSeconds(), 0)
  t.is(await second.print('echo warm'), 'warm\n')
  t.is(own.logins(), 1)
})

it('a connection is never shared with a host that is trusted for other reasons', async (t) => {
  const dir = mkdtempSync(join(room, 'd'))
  await reach({ ssh: pinned(), dir }).connect()
  await fails(t, reach({ dir }).connect(), /not known yet/)
  const other = `${sshd.hostKey.split(' ')[0]} ${newKey(join(room, 'other')).split(' ')[1]}`
  await fails(t, reach({ ssh: { hostKeys: [other] }, dir }).connect(), /correct hostKeys of node-1/)
  await fails(t, reach({ dir: mkdtempSync(join(room, 'd')) }).connect(), /not known yet/)
})

it('a dead connection is replaced', async (t) => {
  const { print, dir } = reach({ ssh: pinned() })
  t.is(await print('echo 1'), '1\n')
  const config = readdirSync(join(dir, 'ssh')).find((name) => name.startsWith('config')) ?? ''
  const check = execFileSync('sh', ['-c', 'ssh -F "$1" -O check 127.0.0.1 2>&1', 'sh', join(dir, 'ssh', config)])
  process.kill(Number(/pid=(\d+)/.exec(String(check))?.[1]), 'SIGKILL')
  t.is(await print('echo 2'), '2\n')
  t.is(await reach({ ssh: pinned(), dir }).print('echo 3'), '3\n')
})

it('an unknown host key is refused, can be asked, and nothing is recorded', async (t) => {
  const { connect, dir } = reach()
  const error = await fails(t, connect(), /--accept-new-host-keys/)
  t.true(error instanceof AskableError)
  t.false(readdirSync(dir).includes('known_hosts'))
})

it('a new host key is accepted on request, recorded, and known then', async (t) => {
  const { connect, dir } = reach({ acceptNewHostKeys: true })
  await connect()
  t.regex(readFileSync(join(dir, 'known_hosts'), 'utf8'), /ssh-ed25519/)
  t.is(await reach({ dir, ssh: { user: sshd.user } }).print('echo'), '\n')
})

it('a changed host key is refused, whatever is requested', async (t) => {
  const dir = mkdtempSync(join(room, 'd'))
  const [type, key] = newKey(join(room, 'changed')).split(' ')
  writeFileSync(join(dir, 'known_hosts'), `[127.0.0.1]:${sshd.port} ${type} ${key}\n`)
  const error = await fails(
    t,
    reach({ dir, acceptNewHostKeys: true }).connect(),
    /SHA256:.*delete line 1 of .*known_hosts/s,
  )
  t.false((error as ConnectError).askable)
})

it('a host that shows another type of key than the known one is not new', async (t) => {
  const port = await freePort()
  const old = await start({ port })
  const dir = mkdtempSync(join(room, 'd'))
  await reach({ dir, acceptNewHostKeys: true, ssh: { port, identityFile: old.key } }).connect()
  await old.stop()
  sshds.splice(sshds.indexOf(old), 1)
  const other = await start({ port, hostKeyType: 'ecdsa' })
  const again = reach({ dir, acceptNewHostKeys: true, ssh: { port, identityFile: other.key } })
  await fails(t, again.connect(), /is not the one that is known/)
  t.notRegex(readFileSync(join(dir, 'known_hosts'), 'utf8'), /ecdsa/)
})

it('a closed port, a wrong user and an unknown name say so', async (t) => {
  const port = await freePort()
  await fails(t, reach({ ssh: { port } }).connect(), new RegExp(`refuses connections on port ${port}`))
  await fails(t, reach({ ssh: { ...pinned(), user: 'nobody' } }).connect(), /does not let nobody in with .*key/)
  await fails(t, reach({ address: 'nowhere.invalid' }).connect(), /name nowhere.invalid is not known/)
  const key = join(room, 'stranger')
  newKey(key)
  await fails(t, reach({ ssh: { ...pinned(), identityFile: key } }).connect(), /does not let/)
})

it('a failed connection can be tried again', async (t) => {
  const { connect, print, dir } = reach()
  await fails(t, connect(), /not known yet/)
  writeFileSync(join(dir, 'known_hosts'), `[127.0.0.1]:${sshd.port} ${sshd.hostKey}\n`)
  await connect()
  t.is(await print('echo now'), 'now\n')
})

it('a shell that prints a banner does no harm', async (t) => {
  const noise = `printf 'Welcome to \\033[1mbox\\033[0m, no newline'; echo 'more' >&2; eval "$SSH_ORIGINAL_COMMAND"`
  const own = await start({ config: [`ForceCommand ${noise}`] })
  const { transport } = reach({ ssh: { port: own.port, identityFile: own.key, hostKeys: [own.hostKey] } })
  t.is((await transport.run('echo mine')).stdout.toString(), 'mine\n')
  t.is((await transport.send('cat', Buffer.from('bytes'))).stdout.toString(), 'bytes')
})

it('a shell that runs nothing says what it printed', async (t) => {
  const own = await start({ config: [`ForceCommand echo 'git only\u0007'; exit 3`] })
  const settings = { port: own.port, identityFile: own.key, hostKeys: [own.hostKey] }
  await fails(t, reach({ ssh: settings }).connect(), /ran nothing \(exit 3\)\ngit only\\x07/)
})

it('a connection that is cut in the middle is told apart from a script that fails', async (t) => {
  const { transport } = reach({ ssh: pinned() })
  // Up to the sshd of this session, which is a child of ours.
  const cut = `p=$$; until case $(ps -o comm= -p $p) in sshd*) ;; *) false;; esac; do p=$(ps -o ppid= -p $p | tr -d ' '); done`
  const error = await fails(t, transport.run(`echo before; ${cut}; kill -9 $p; sleep 5`), /connection was lost/)
  t.true(error instanceof UnfinishedError)
  t.is((await transport.run('echo after')).stdout.toString(), 'after\n')
})

it('time-out, cap and abort end a run and leave the connection', async (t) => {
  const { transport } = reach({ ssh: pinned() })
  await fails(t, transport.run('sleep 5', { timeout: 0.3 }), /did not end within 0.3 s/)
  await fails(t, transport.run('cat /dev/zero', { maxOutput: 5000 }), /more than 5000 bytes/)
  await fails(t, transport.run('sleep 5', { signal: AbortSignal.timeout(300) }), /stopped/)
  t.is((await transport.run('echo on')).stdout.toString(), 'on\n')
})

it('close ends what still runs', async (t) => {
  const { fleet, transport, connect } = reach({ ssh: pinned() })
  await connect()
  const running = transport.run('sleep 5')
  await fleet.close()
  await t.throwsAsync(running, { instanceOf: ConnectError })
})

it('aliases and jump hosts of the person work, and their settings do not get in the way', async (t) => {
  const home = mkdtempSync(join(room, 'h'))
  const known = `[127.0.0.1]:${sshd.port} ${sshd.hostKey}\n`
  mkdirSync(join(home, 'more'))
  const common = [`  HostName 127.0.0.1`, `  Port ${sshd.port}`, `  User ${sshd.user}`, `  IdentityFile ${sshd.key}`]
  const config = [
    'IgnoreUnknown UseKeychain',
    'UseKeychain yes',
    'Host hop',
    ...common,
    `  UserKnownHostsFile ${join(home, 'known')}`,
    'Host box',
    ...common,
    '  ProxyJump hop',
    '  RequestTTY force',
    '  RemoteCommand echo theirs',
    '  LogLevel QUIET',
    '  ForwardAgent yes',
    `  LocalForward ${join(home, 'forwarded')} 127.0.0.1:1`,
    '  ControlMaster no',
    `  ControlPath ${join(home, 'theirs')}`,
    '  StrictHostKeyChecking no',
  ]
  writeFileSync(join(home, 'known'), known)
  writeFileSync(join(home, 'config'), `${config.join('\n')}\n`)
  const settings: Reaching = {
    address: 'box',
    ssh: { user: undefined, port: undefined, identityFile: undefined },
    ownConfig: [join(home, 'config')],
  }
  await fails(t, reach(settings).connect(), /not known yet/)
  const before = sshd.logins()
  const { print, dir } = reach({ ...settings, acceptNewHostKeys: true })
  t.is(await print('echo "$SSH_CONNECTION" | cut -d" " -f1; [ -t 0 ] || echo no tty'), '127.0.0.1\nno tty\n')
  t.true(sshd.logins() >= before + 2)
  t.regex(readFileSync(join(dir, 'known_hosts'), 'utf8'), /ssh-ed25519/)
  t.deepEqual(readdirSync(home).sort(), ['config', 'known', 'more'])
  // The alias leads elsewhere now: the connection of before must not be used.
  appendFileSync(join(home, 'config'), '# edited\n')
  const edited = reach({ ...settings, dir })
  await edited.connect()
  t.true(edited.transport.connectSeconds() > 0)
})

it('what we write is ours alone', async (t) => {
  const { dir } = reach({ ssh: pinned() })
  t.is(statSync(join(dir, 'ssh')).mode & 0o777, 0o700)
  for (const name of readdirSync(join(dir, 'ssh'))) t.is(statSync(join(dir, 'ssh', name)).mode & 0o777, 0o600, name)
})

it('ask without a need asks nothing; with one that no question mends, it fails as before', async (t) => {
  const never = async () => {
    throw new Error('asked')
  }
  await reach({ ssh: pinned(), askPassword: never }).ask()
  const port = await freePort()
  await fails(t, reach({ ssh: { port }, askPassword: never }).ask(), /refuses connections/)
  t.pass()
})

it('the shown host key can be scanned without a login', async (t) => {
  const own = await start()
  const [key, ...more] = await scanHostKeys('127.0.0.1', own.port)
  t.deepEqual(more, [])
  t.is(`${key?.type} ${key?.key}`, own.hostKey)
  const shown = execFileSync('ssh-keygen', ['-lf', join(own.directory, 'host.pub')]).toString()
  t.is(key?.fingerprint, shown.split(' ')[1])
  t.is(own.logins(), 0)
  await t.throwsAsync(scanHostKeys('127.0.0.1', await freePort()), { instanceOf: ConnectError, message: /refuses/ })
})

it('a port of the loopback is reached, as often as one likes', async (t) => {
  const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { fleet, one } = reach({ ssh: pinned() })
  const answers = await Promise.all([1, 2, 3].map(() => text(fleet.dial(one, port))))
  server.close()
  t.deepEqual(answers, ['hello', 'hello', 'hello'])
})

it('a port that nothing listens on says so', async (t) => {
  const { fleet, one } = reach({ ssh: pinned() })
  const port = await freePort()
  await fails(t, text(fleet.dial(one, port)), /port \d+ of its loopback cannot be reached/)
})

it('a host that forbids forwarding says so', async (t) => {
  const strict = await start({ config: ['AllowTcpForwarding no'] })
  const { fleet, one } = reach({ ssh: { hostKeys: [strict.hostKey], port: strict.port, identityFile: strict.key } })
  await fails(t, text(fleet.dial(one, 22)), /AllowTcpForwarding must be yes or local/)
})
