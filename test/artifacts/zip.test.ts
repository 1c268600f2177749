import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { filesOf } from '../../core/artifacts/files.ts'
import { zipEntries } from '../../core/artifacts/zip.ts'
import { ApplyError } from '../../core/errors.ts'
import { HOSTILE, sandbox } from '../resources/law.ts'
import { type Made, makeZip } from './make-zip.ts'

const contents = (archive: Buffer) => zipEntries(archive).map(({ name, read }) => [name, read().toString('latin1')])

test('deflated, stored, empty, directories, a comment', (t) => {
  const files = [
    { name: 'a', content: 'x'.repeat(1000) },
    { name: 'd/', mode: 0o40755 },
    { name: 'd/b', content: 'b', method: 0 },
    { name: 'empty' },
  ]
  const expected = [
    ['a', 'x'.repeat(1000)],
    ['d/b', 'b'],
    ['empty', ''],
  ]
  t.deepEqual(contents(makeZip(files)), expected)
  t.deepEqual(contents(makeZip(files, 'comment PK')), expected)
  t.deepEqual(contents(makeZip([])), [])
})

test('any files come back byte for byte', (t) => {
  const file = fc.record({
    name: fc.string({ minLength: 1, unit: 'grapheme' }).filter((name) => !name.endsWith('/') && !name.includes('\0')),
    content: fc.uint8Array(),
    method: fc.constantFrom(0, 8),
  })
  fc.assert(
    fc.property(fc.array(file, { maxLength: 5 }), (files) => {
      t.deepEqual(
        contents(makeZip(files)),
        files.map(({ name, content }) => [Buffer.from(name).toString(), Buffer.from(content).toString('latin1')]),
      )
    }),
    { numRuns: 50 },
  )
})

test('what the real zip writes', (t) => {
  if (!existsSync('/usr/bin/zip')) {
    t.log('skipped: no zip here')
    return t.pass()
  }
  const directory = sandbox(t)
  mkdirSync(join(directory, 'd'))
  for (const name of [...HOSTILE, 'd/below']) writeFileSync(join(directory, name), `${name}\n`.repeat(100))
  execFileSync('zip', ['-q', '-r', join(directory, 'x.zip'), '.'], { cwd: directory })
  const found = new Map(
    zipEntries(readFileSync(join(directory, 'x.zip'))).map(({ name, read }) => [name, read().toString()]),
  )
  for (const name of [...HOSTILE, 'd/below']) t.is(found.get(name), `${name}\n`.repeat(100))
})

const whole = makeZip([{ name: 'a', content: 'hello hello hello' }])
const BAD: readonly [title: string, archive: Buffer, message: RegExp][] = [
  ['nothing', Buffer.alloc(0), /no zip archive/],
  ['HTML', Buffer.from('<!DOCTYPE html>'.repeat(10)), /no zip archive/],
  ['its end only', whole.subarray(whole.length - 22), /cut off/],
  ['its start only', whole.subarray(0, 40), /no zip archive/],
  ['a link', makeZip([{ name: 'a', mode: 0o120777, content: '/etc/passwd' }]), /a in it is no regular file/],
  ['a device', makeZip([{ name: 'a', mode: 0o20777 }]), /no regular file/],
  ['encrypted', makeZip([{ name: 'a', flags: 1 }]), /encrypted/],
  ['another method', makeZip([{ name: 'a', content: 'x', method: 12 }]), /method 12/],
  ['a wrong sum', makeZip([{ name: 'a', content: 'x', crc: 1 }]), /a is damaged/],
  ['more than it says', makeZip([{ name: 'a', content: 'x'.repeat(100_000), size: 10 }]), /a is damaged/],
  ['less than it says', makeZip([{ name: 'a', content: 'x', size: 10 }]), /a is damaged/],
]
for (const [title, archive, message] of BAD)
  test(`no archive: ${title}`, (t) => void t.throws(() => contents(archive), { instanceOf: RangeError, message }))

test('a damaged archive is files or a reason, never another error', (t) => {
  const files: Made[] = [
    { name: 'a', content: 'hello '.repeat(50) },
    { name: 'd/b', content: 'b', method: 0 },
  ]
  const archive = makeZip(files)
  const damage = fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(damage, (changes) => {
      const bytes = Buffer.from(archive)
      for (const [at, byte] of changes) bytes[at] = byte
      try {
        return contents(bytes).length >= 0
      } catch (error) {
        return error instanceof RangeError
      }
    }),
    { numRuns: 2000 },
  )
  t.pass()
})

const url = 'https://example.com/x.zip'
const select = (files: readonly Made[], member: string | undefined, strip = 0) =>
  [...filesOf(makeZip(files), { url, format: 'zip', member, strip })].map(({ name, content }) => [
    name,
    Buffer.from(content).toString(),
  ])

test('which files are installed', (t) => {
  const files = [
    { name: 'top/', mode: 0o40755 },
    { name: 'top/nomad', content: 'n' },
    { name: 'LICENSE.txt', content: 'l' },
  ]
  t.deepEqual(select(files, 'top/nomad'), [['', 'n']])
  t.deepEqual(select(files, undefined), [
    ['top/nomad', 'n'],
    ['LICENSE.txt', 'l'],
  ])
  t.deepEqual(select(files, undefined, 1), [['nomad', 'n']])
  t.deepEqual(
    [...filesOf(Buffer.from('x'), { url, format: 'bare', member: undefined, strip: 0 })],
    [{ name: '', content: Buffer.from('x') }],
  )
  const bad = (message: RegExp, more: readonly Made[], member?: string, strip = 0) =>
    t.throws(() => select(more, member, strip), { instanceOf: ApplyError, message })
  bad(/^https:\/\/example\.com\/x\.zip holds no file consul; it holds LICENSE\.txt top\/nomad$/, files, 'consul')
  bad(/holds no file below 3 directories$/, files, undefined, 3)
  for (const name of ['../x', '/etc/passwd', 'a/../../x', './x', 'a//b', 'a\nb']) bad(/impossible name$/, [{ name }])
  bad(/is no zip archive that can be read: x is damaged$/, [{ name: 'x', content: 'x', crc: 1 }])
})
