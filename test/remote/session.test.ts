import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { runProcess } from '../../core/remote/process.ts'
import { session, whole } from '../../core/remote/session.ts'

// Stand-ins for a user who is not root. The real ones are tried on the lab.
const bin = mkdtempSync(join(tmpdir(), 'caravan-session-'))
test.after.always(() => rmSync(bin, { recursive: true }))

const program = (directory: string, name: string, text: string): void => {
  writeFileSync(join(bin, directory, name), `#!/bin/sh\n${text}\n`)
  chmodSync(join(bin, directory, name), 0o755)
}
const asUser = (sudo: string): string => {
  const directory = mkdtempSync(join(bin, 'x'))
  program(directory.slice(bin.length), 'id', 'echo 1000')
  if (sudo !== '') program(directory.slice(bin.length), 'sudo', sudo)
  return `${directory}:${process.env.PATH}`
}

/** As real sudo with -S -p PROMPT: asks up to three times, one byte at a time. */
const ASKING = `[ "$1" = -n ] && { echo 'sudo: a password is required' >&2; exit 1; }
for try in 1 2 3; do
  printf %s "$3" >&2
  IFS= read -r line || exit 1
  [ "$line" = 's3 cret\\' ] && { shift 4; exec "$@"; }
  echo 'Falsch!' >&2
done
exit 1`
const NOPASSWD = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'

const hold = async (sudo: string, password: string | undefined, command: string, input: Uint8Array, shell = 'sh') => {
  const talk = session({ command, input, password })
  const env = { ...process.env, PATH: asUser(sudo) }
  const args = ['-c', `echo 'a banner'; ${talk.commandLine}`]
  const { ending, stdout, stderr } = await runProcess(
    { command: shell, args, env, converse: talk.converse },
    { timeout: 10 },
  )
  return {
    ending,
    stdout: stdout.toString('latin1'),
    stderr: talk.clean(stderr),
    status: talk.status(stderr),
    ...talk.outcome(),
  }
}

const BYTES = Buffer.from([0, 255, 10, 13, 10, 39])

for (const [name, sudo, password, prompts] of [
  ['sudo without a password', NOPASSWD, undefined, 0],
  ['a password that sudo does not want', NOPASSWD, 's3 cret\\', 0],
  ['a password that sudo wants', ASKING, 's3 cret\\', 1],
] as const) {
  test(`${name}: scripts and bytes arrive whole`, async (t) => {
    const script = await hold(sudo, password, 'exec sh -s', whole('echo "$#"; echo err >&2; exit 7'))
    t.like(script, { ready: true, prompts, status: 7, stdout: '0\n', stderr: 'err\n', banner: 'a banner\n' })
    const sent = await hold(sudo, password, 'cat', BYTES)
    t.like(sent, { ready: true, prompts, status: 0, stdout: BYTES.toString('latin1'), stderr: '' })
  })
}

test('a wrong password stops at the second question, and the script never leaves', async (t) => {
  const file = join(bin, 'ran')
  const result = await hold(ASKING, 'wrong', 'exec sh -s', whole(`touch ${file}`))
  t.like(result, { ready: false, prompts: 2, status: undefined, ending: { kind: 'stopped' } })
})

test('no password where one is needed: nothing asks, nothing hangs', async (t) => {
  const result = await hold(ASKING, undefined, 'exec sh -s', whole('echo ran'))
  t.like(result, { ready: false, prompts: 0, stdout: '', ending: { kind: 'exit', code: 1 } })
})

test('no sudo', async (t) => {
  // An empty PATH entry would find the real one.
  const result = await hold('exit 127', undefined, ':', BYTES)
  t.like(result, { ready: false, ending: { kind: 'exit', code: 127 } })
})

test('a command of several lines, quotes and backslashes', async (t) => {
  const command = `x='a\\nb'\nprintf '%s|' "$x" '!' "it's" '\\\\'\ncat`
  t.like(await hold(NOPASSWD, undefined, command, Buffer.from('in')), { stdout: "a\\nb|!|it's|\\\\|in", status: 0 })
})

test('an exit of 255 and a killed shell are apart', async (t) => {
  t.is((await hold(NOPASSWD, undefined, 'exit 255', BYTES)).status, 255)
  t.is((await hold(NOPASSWD, undefined, 'kill -9 "$PPID" $$; sleep 1', BYTES)).status, undefined)
})

test('the environment is the same for everybody', async (t) => {
  const { stdout } = await hold(NOPASSWD, undefined, 'echo "$LC_ALL $PATH"; pwd; umask', BYTES)
  t.is(stdout, 'C /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n/\n0022\n')
})

test('the command line is one for any login shell', (t) => {
  for (const password of [undefined, 'x']) {
    const { commandLine } = session({ command: "it's\n!\\", input: BYTES, password })
    t.notRegex(commandLine, /[\n!]|\\['\\]/)
    t.regex(commandLine, /^sh -c '[^']+' caravan '[^']+'$/)
  }
})
