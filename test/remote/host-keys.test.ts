import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { ConnectError } from '../../core/errors.ts'
import { shownHostKey } from '../../core/remote/host-keys.ts'
import { freePort, newKey, noSshd, type Sshd, startSshd } from './sshd.ts'

const test = anyTest as TestFn
const it = noSshd === undefined ? test : test.skip
if (noSshd !== undefined) console.warn(`skipped: tests against a real sshd, because ${noSshd}`)

const room = mkdtempSync(join(tmpdir(), 'cv-host-keys-'))
let sshd: Sshd
let rsa: string
test.before(async () => {
  if (noSshd !== undefined) return
  rsa = newKey(join(room, 'rsa'), 'rsa')
  sshd = await startSshd({ config: [`HostKey ${join(room, 'rsa')}`] })
})
test.after.always(async () => {
  await sshd?.stop()
  rmSync(room, { recursive: true })
})

let configs = 0
/** A person's configuration that knows these keys of the sshd. */
const knowing = (...lines: readonly string[]): string => {
  const config = join(room, `config-${configs++}`)
  writeFileSync(`${config}.known`, lines.map((line) => `[127.0.0.1]:${sshd.port} ${line}\n`).join(''))
  writeFileSync(config, `Host *\n  UserKnownHostsFile ${config}.known\n  GlobalKnownHostsFile /dev/null\n`)
  return config
}
const shown = (config: string) => shownHostKey('127.0.0.1', sshd.port, config)

it('a key that nobody vouches for is shown as that', async (t) => {
  const { key, known } = await shown(knowing())
  t.is(`${key.type} ${key.key}`, sshd.hostKey)
  t.false(known)
  t.is(sshd.logins(), 0)
})

it('a key that is known already is recorded without a question', async (t) => {
  const { key, known } = await shown(knowing(sshd.hostKey))
  t.is(`${key.type} ${key.key}`, sshd.hostKey)
  t.true(known)
})

it('where a key of another type is known, it is that one which counts', async (t) => {
  const { key, known } = await shown(knowing(rsa.split(' ').slice(0, 2).join(' ')))
  t.is(`${key.type} ${key.key}`, rsa.split(' ').slice(0, 2).join(' '))
  t.true(known)
})

it('a key that is not the known one is refused, whatever was asked for', async (t) => {
  const other = newKey(join(room, 'other'))
  const error = await t.throwsAsync<ConnectError>(shown(knowing(other)), { instanceOf: ConnectError })
  t.regex(error?.message ?? '', /is not the one that is known: was the machine made anew/)
  t.regex(error?.details.hint ?? '', /delete line 1 of/)
  t.false(error?.askable)
})

it('a machine that does not answer says so', async (t) => {
  const error = await t.throwsAsync(shownHostKey('127.0.0.1', await freePort(), knowing()))
  t.regex(error?.message ?? '', /^127\.0\.0\.1 refuses connections on port \d+$/)
})
