import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { ConnectError } from '../../core/errors.ts'
import { sshFleet } from '../../core/remote/ssh.ts'
import { host } from '../remote/hosts.ts'

// What the other side of ssh may do before and after it lets us in. `$mark` is the word that says that we are root.
const becomeRoot = 'mark=$(printf %s "$*" | grep -o "caravan-ready-[0-9a-f]*"); echo "$mark"'
const endOf = 'end=$(printf %s "$*" | grep -o "caravan-end-[0-9a-f]*")'

const speeches: readonly [title: string, script: string, message: RegExp][] = [
  ['a banner without an end', 'exec yes "welcome"', /ran nothing/],
  ['a banner of one line without an end', 'exec tr "\\0" a </dev/zero', /ran nothing/],
  ['a long word, which patterns take the square of', 'head -c 65000 /dev/zero | tr "\\0" a; exit 1', /ran nothing/],
  [
    'words at signs, which patterns take the cube of',
    'yes a@a@a@ | tr -d "\\n" | head -c 65000 >&2; exit 255',
    /before the host answered/,
  ],
  ['errors without an end, before', 'exec yes "sudo: what?" >&2', /printed more than/],
  ['errors without an end, after', `${becomeRoot}; exec yes "what?" >&2`, /printed more than/],
  ['output without an end', `${becomeRoot}; exec yes`, /printed more than/],
  ['escape codes', 'printf "\\033]0;owned\\007\\033[2J" >&2; exit 255', /before the host answered/],
  [
    'a user that is an escape code',
    'printf \'Please login as the user "\\033[2J\\r"\'; exit 1',
    /wants the user \\x1b\[2J\\r/,
  ],
  ['prompts that nobody asked for', 'exec yes "caravan-sudo-0123456789abcdef01:" >&2', /printed more than/],
  ['a status that is none', `${becomeRoot}; ${endOf}; printf "\\n%s 999999999999\\n" "$end" >&2; exit 255`, /^$/],
]

const underSsh = (t: ExecutionContext, script: string) => {
  const dir = mkdtempSync(join(tmpdir(), 'caravan-fake-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  writeFileSync(join(dir, 'ssh'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  process.env.PATH = `${dir}:${process.env.PATH}`
  process.env.XDG_CACHE_HOME = join(dir, 'cache')
  const one = host('evil', 'evil.example.com')
  return sshFleet([one], { dir: join(dir, 'kept'), acceptNewHostKeys: false, ownConfig: [] }).transport(one)
}

// One after the other: each puts its own ssh in front of the others'.
for (const [title, script, message] of speeches)
  test.serial(`ssh says: ${title}`, async (t) => {
    const began = performance.now()
    const run = underSsh(t, script).run('echo hello', { timeout: 20 })
    const error = await run.then(
      () => new ConnectError(''),
      (thrown: unknown) => thrown,
    )
    t.true(error instanceof ConnectError, String(error))
    const { message: said, details } = error as ConnectError
    t.regex(said, message)
    const shown = [said, ...Object.values(details)].join('\n')
    t.notRegex(shown, /[^\P{C}\n]/u)
    t.true(shown.length < 8000, `${shown.length} characters`)
    t.true(performance.now() - began < 10_000, 'it held us up')
  })
