import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { UnfinishedError } from '../../core/errors.ts'
import { localTransport } from '../../core/remote/local.ts'
import { whole } from '../../core/remote/session.ts'

const local = localTransport()
const print = async (script: string) => (await local.run(script)).stdout.toString()

const endings: readonly [name: string, script: string, code: number, stdout: string][] = [
  ['empty', '', 0, ''],
  ['an exit status', 'echo a; exit 3', 3, 'a\n'],
  ['the status of the last command', 'true; (exit 4)', 4, ''],
  ['a comment at the end', 'echo a # b', 0, 'a\n'],
  ['a heredoc at the end', "cat <<'X'\nb\nX", 0, 'b\n'],
  ['a backslash at the end', 'echo a \\', 0, 'a\n'],
  ['killed', 'kill -TERM $$', 143, ''],
  ['a syntax error', 'echo a\nif', 2, ''],
]

for (const [name, script, code, stdout] of endings) {
  test(`a script with ${name}`, async (t) => {
    const result = await local.run(script)
    t.is(result.code, code)
    t.is(result.stdout.toString(), stdout)
  })
}

test('stdout and stderr are apart', async (t) => {
  const { stdout, stderr } = await local.run('echo out; echo err >&2')
  t.deepEqual([stdout.toString(), stderr], ['out\n', 'err\n'])
})

test('a script that was cut anywhere runs nothing', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'caravan-cut-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'ran')
  const bytes = whole(`touch ${file}\nf() { touch ${file}; }\nf\ncat <<X >${file}\n}\nX`)
  // The last byte is the newline after the brace, without which the brace is whole too.
  const cuts = [...Array(bytes.length - 2).keys()]
  for (let at = 0; at < cuts.length; at += 40) {
    await Promise.all(
      cuts.slice(at, at + 40).map(async (length) => {
        const sh = spawn('sh', ['-s'], { stdio: ['pipe', 'ignore', 'ignore'] })
        sh.stdin.end(bytes.subarray(0, length))
        await once(sh, 'exit')
        t.false(existsSync(file), `cut at ${length}`)
      }),
    )
  }
  const sh = spawn('sh', ['-s'], { stdio: ['pipe', 'ignore', 'ignore'] })
  sh.stdin.end(bytes)
  await once(sh, 'exit')
  t.true(existsSync(file))
})

test('bytes arrive as they were', async (t) => {
  const bytes = Buffer.from(Array.from({ length: 3 * 1024 * 1024 }, (_, i) => (i * 7 + (i >> 8)) % 256))
  const { stdout } = await local.send('cat', bytes)
  t.true(stdout.equals(bytes))
})

test('a command that does not read its input is no failure', async (t) => {
  const { code } = await local.send('exit 5', Buffer.alloc(10 * 1024 * 1024))
  t.is(code, 5)
})

test('output beyond the cap is given up, and says so', async (t) => {
  const heard: Buffer[] = []
  const run = local.run('yes', { maxOutput: 100_000, onOutput: (piece) => heard.push(piece) })
  const error = await t.throwsAsync(run, { instanceOf: UnfinishedError })
  t.regex(error?.message ?? '', /more than 100000 bytes/)
  t.is(Buffer.concat(heard).length, 100_000)
})

test('a listener that throws ends the run with its error', async (t) => {
  const run = local.run('echo a; sleep 5', {
    onOutput: () => {
      throw new RangeError('not this')
    },
  })
  await t.throwsAsync(run, { instanceOf: RangeError, message: 'not this' })
})

test('a time-out beyond what a timer can hold is none', async (t) => {
  t.is((await local.run('sleep 0.1; echo a', { timeout: 1e9 })).stdout.toString(), 'a\n')
})

test('output of just the cap is kept', async (t) => {
  t.is((await local.run('printf 12345', { maxOutput: 5 })).stdout.toString(), '12345')
})

test('only the last 64 KiB of stderr are kept', async (t) => {
  const { stderr } = await local.run('head -c 200000 /dev/zero | tr "\\0" a >&2; echo end >&2')
  t.is(stderr.length, 64 * 1024)
  t.true(stderr.endsWith('aend\n'))
})

test('a run that takes too long is killed with its children', async (t) => {
  const pieces: string[] = []
  const run = local.run('sleep 100 & echo $!; wait', { timeout: 3, onOutput: (piece) => pieces.push(String(piece)) })
  const error = await t.throwsAsync(run, { instanceOf: UnfinishedError })
  t.regex(error?.message ?? '', /within 3 s/)
  const child = Number(pieces.join(''))
  t.true(child > 1)
  // Nobody may reap it, so a zombie counts as gone.
  t.regex(await print(`sleep 1; ps -o stat= -p ${child}`), /^(Z.*)?\s*$/)
})

test('a signal ends a run, also beforehand', async (t) => {
  await t.throwsAsync(local.run('sleep 100', { signal: AbortSignal.timeout(100) }), { instanceOf: UnfinishedError })
  await t.throwsAsync(local.run('echo', { signal: AbortSignal.abort() }), { instanceOf: UnfinishedError })
})

test('each run and send is one round trip', async (t) => {
  const transport = localTransport()
  await transport.run('true')
  await transport.send('cat', Buffer.from('x'))
  t.is(transport.roundTrips(), 2)
  t.is(transport.connectSeconds(), 0)
})

test('a closed transport runs nothing more', async (t) => {
  const transport = localTransport()
  const running = transport.run('sleep 100')
  await transport.close()
  await t.throwsAsync(running, { instanceOf: UnfinishedError })
  await t.throwsAsync(transport.run('true'), { instanceOf: UnfinishedError })
})

test('environment and directory are as asked', async (t) => {
  const transport = localTransport({ env: { PATH: '/usr/bin:/bin', A: 'b c' }, cwd: '/' })
  t.is((await transport.run('echo "$A $PWD"')).stdout.toString(), 'b c /\n')
})
