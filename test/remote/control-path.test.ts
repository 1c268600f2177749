import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { CaravanError } from '../../core/errors.ts'
import { controlDirectory, isListening, privateDirectory, shortHash } from '../../core/remote/control-path.ts'

const directory = mkdtempSync(join(tmpdir(), 'caravan-control-'))
test.after.always(() => rmSync(directory, { recursive: true }))

test('a control directory is private and short enough for a socket', (t) => {
  const near = controlDirectory({ XDG_CACHE_HOME: join(directory, 'cache') })
  t.is(near, join(directory, 'cache', 'caravan', 'ssh'))
  t.is(statSync(near).mode & 0o777, 0o700)
  const far = controlDirectory({ XDG_CACHE_HOME: join(directory, 'ä'.repeat(40)) })
  t.is(join(far, '..'), tmpdir())
  // sun_path of macOS, ssh's suffix while it binds, NUL.
  t.true(Buffer.byteLength(join(far, shortHash('x'))) + 17 + 1 <= 104)
})

test('a relative cache directory is none', (t) => {
  t.true(controlDirectory({ XDG_CACHE_HOME: 'cache' }).startsWith('/'))
})

test('a directory that others can reach, or a link, is refused', (t) => {
  mkdirSync(join(directory, 'open'))
  chmodSync(join(directory, 'open'), 0o755)
  symlinkSync(tmpdir(), join(directory, 'link'))
  writeFileSync(join(directory, 'file'), '')
  for (const name of ['open', 'link', 'file']) {
    const error = t.throws(() => privateDirectory(join(directory, name)), { instanceOf: CaravanError }, name)
    t.regex(error?.message ?? '', new RegExp(name))
  }
})

test('what decides trust decides the name', (t) => {
  const names = [['a'], ['b'], ['a', { user: 'root' }], ['a', { user: 'root', port: 22 }]].map(shortHash)
  t.is(new Set(names).size, names.length)
  t.true(names.every((name) => /^[0-9a-f]{16}$/.test(name)))
})

test('a socket that nobody listens on is not open', async (t) => {
  const path = join(directory, 's')
  t.false(await isListening(path))
  const server = createServer().listen(path)
  await new Promise((done) => server.once('listening', done))
  t.true(await isListening(path))
  server.close()
  writeFileSync(path, '')
  t.false(await isListening(path))
})
