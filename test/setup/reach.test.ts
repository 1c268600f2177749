import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { CaravanError } from '../../core/errors.ts'
import { createDialog, type Dialog } from '../../core/setup/dialog.ts'
import type { Login } from '../../core/setup/machine.ts'
import { type Reaching, reachAll } from '../../core/setup/reach.ts'
import { closeMasters } from '../remote/masters.ts'
import { newKey, noSshd, type Sshd, startSshd } from '../remote/sshd.ts'
import { captured, capturedUi } from '../terminal/screens.ts'

const test = anyTest as TestFn
const it = noSshd === undefined ? test : test.skip
if (noSshd !== undefined) console.warn(`skipped: tests against a real sshd, because ${noSshd}`)

const room = mkdtempSync(join(tmpdir(), 'cv-reach-'))
process.env.XDG_CACHE_HOME = room
let sshd: Sshd
const dirs: string[] = []
test.before(async () => {
  if (noSshd === undefined) sshd = await startSshd()
})
test.after.always(async () => {
  for (const dir of dirs) closeMasters(dir)
  await sshd?.stop()
  rmSync(room, { recursive: true })
})

const login = (more: Partial<Login> = {}): Login => ({
  ...{ address: '127.0.0.1', user: sshd.user, port: sshd.port, identityFile: sshd.key, sudoPasswordFile: undefined },
  ...more,
})

/** A set-up without a terminal, or with a person who says `answer` to everything. */
const reaching = (more: Partial<Reaching> = {}, answer?: boolean): Reaching & { text: () => string } => {
  const dir = mkdtempSync(join(room, 'd'))
  const { stream, text } = captured()
  const dialog: Dialog = { ...createDialog(capturedUi().ui, false, stream) }
  const asking = answer === undefined ? dialog : { ...dialog, canAsk: true, yes: async () => answer }
  const askPassword = async () => {
    throw new Error('asked for a password')
  }
  const { signal } = new AbortController()
  return { dialog: asking, dir, signal, acceptNewHostKeys: false, known: new Map(), askPassword, text, ...more }
}

const reach = async (logins: readonly Login[], way: Reaching) => {
  const reached = await reachAll(logins, way)
  if (reached.machines.length > 0) dirs.push(way.dir)
  const failures = reached.failures.map(({ message, details }) => `${details.host}: ${message} / ${details.hint}`)
  return { ...reached, failures }
}

it('a machine that lets us in tells what it is, and its key is recorded', async (t) => {
  const way = reaching({ acceptNewHostKeys: true })
  const { machines, failures } = await reach([login()], way)
  t.deepEqual(failures, [])
  t.is(machines[0]?.hostKey, sshd.hostKey)
  t.regex(machines[0]?.facts.os.id ?? '', /^(debian|ubuntu)$/)
  t.true((machines[0]?.hostname ?? '').length > 0)
  t.regex(way.text(), /127\.0\.0\.1 {2}ssh-ed25519 SHA256:\S{43} {2}new/)
  t.deepEqual([...way.known], [['127.0.0.1', [sshd.hostKey]]])
})

it('without a terminal a key that nobody vouches for is an error that names the flag', async (t) => {
  const { machines, failures } = await reach([login()], reaching())
  t.deepEqual(machines, [])
  t.deepEqual(failures, [
    '127.0.0.1: its host key is not known yet, and nobody can be asked here / compare it with what the machine says on its own console, then pass --accept-new-host-keys',
  ])
})

it('a person is asked about new keys; a no ends it', async (t) => {
  t.is((await reach([login()], reaching({}, true))).machines.length, 1)
  await t.throwsAsync(reachAll([login()], reaching({}, false)), {
    instanceOf: CaravanError,
    message: 'the host keys were not accepted: nothing was written',
  })
})

it('a key that is known is not asked about, and another one in its place is refused', async (t) => {
  const known = (key: string) => ({ known: new Map([['127.0.0.1', [key]]]) })
  const way = reaching(known(sshd.hostKey), false)
  t.is((await reach([login()], way)).machines.length, 1)
  t.regex(way.text(), /known already/)
  const other = newKey(join(room, 'other'))
  const { failures } = await reach([login()], reaching({ ...known(other), acceptNewHostKeys: true }))
  t.deepEqual(failures, ['127.0.0.1: its host key is not the one that is known / is it another machine?'])
})

it('every machine that cannot be used says why, and the others go on', async (t) => {
  const key = join(room, 'stranger')
  newKey(key)
  const logins = [
    login(),
    login({ address: '127.0.0.2' }),
    login({ address: 'no..where' }),
    login({ address: 'localhost', identityFile: key }),
  ]
  const { machines, failures } = await reach(logins, reaching({ acceptNewHostKeys: true }))
  t.deepEqual(
    machines.map(({ login }) => login.address),
    ['127.0.0.1'],
  )
  t.is(failures.length, 3)
  const [refused, unknown, stranger] = failures
  t.regex(refused ?? '', /^127\.0\.0\.2: 127\.0\.0\.2 refuses connections on port \d+ \/ is sshd running there/)
  t.regex(unknown ?? '', /^no\.\.where: the name no\.\.where is not known \/ check its address/)
  t.regex(stranger ?? '', /^localhost: localhost does not let \S+ in with .*stranger .* \/ check the user and the key/)
})

it('a user who is not there is told apart', async (t) => {
  const { failures } = await reach([login({ user: 'nobody-of-that-name' })], reaching({ acceptNewHostKeys: true }))
  t.regex(failures[0] ?? '', /127\.0\.0\.1 does not let nobody-of-that-name in with/)
})
