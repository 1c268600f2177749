import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ConnectError } from '../../core/errors.ts'
import { sudoPasswordOf } from '../../core/remote/sudo-password.ts'
import { host } from './hosts.ts'

const directory = mkdtempSync(join(tmpdir(), 'caravan-sudo-'))
test.after.always(() => rmSync(directory, { recursive: true }))

const file = (name: string, text: string, mode = 0o600): string => {
  const path = join(directory, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}
const read = (sudoPasswordFile: string | undefined) => sudoPasswordOf(host('node-1', 'x', { sudoPasswordFile }))

test('the first line counts, with its spaces', async (t) => {
  t.is(await read(file('one', ' pass word \nmore\n')), ' pass word ')
  t.is(await read(file('bare', 'word')), 'word')
  t.is(await read(file('dos', 'word\r\n')), 'word')
  t.is(await read(undefined), undefined)
})

for (const [name, path, words] of [
  ['readable by the group', () => file('group', 'x\n', 0o640), /chmod 600/],
  ['readable by all', () => file('all', 'x\n', 0o604), /chmod 600/],
  ['empty', () => file('empty', '\nx'), /first line is empty/],
  ['missing', () => join(directory, 'missing'), /no such file/],
  ['a directory', () => mkdtempSync(join(directory, 'd')), /EISDIR/],
] as const) {
  test(`a file that is ${name} is refused`, async (t) => {
    const error = await t.throwsAsync(read(path()), { instanceOf: ConnectError })
    t.regex(`${error?.message} ${error?.details.hint}`, words)
    t.is(error?.details.host, 'node-1')
  })
}
