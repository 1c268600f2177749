import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { command } from '../../core/index.ts'
import { bareIsSealed, blankOnly } from '../../roles/storage/device.ts'
import { applyOnce, differences, sandbox } from '../resources/law.ts'
import { fragment } from '../resources/sh.ts'

// A device is asked for by programs and by `[ -b ]`; here it is a file that only the latter must take for one.
const device = (t: ExecutionContext, content: string | Buffer, known = '') => {
  const directory = sandbox(t)
  const path = join(directory, 'volume')
  writeFileSync(path, content)
  const programs = {
    blkid: `[ -z '${known}' ] || echo ${known}`,
    'mkfs.ext4': `while [ $# -gt 1 ]; do shift; done; echo FORMATTED >"$1"`,
  }
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(directory, name), 0o755)
  }
  const { unless, run } = blankOnly(path, 'ext4')
  const asFile = (text: string) => text.replaceAll('[ -b ', '[ -f ')
  const options = { env: { PATH: `${directory}:${process.env.PATH}` } }
  return { resource: command('x', { unless: asFile(unless), run: asFile(run) }), options, path }
}
const BLANK = Buffer.alloc(17 * 1024 * 1024)

test('a blank device is formatted, once', async (t) => {
  const { resource, options } = device(t, BLANK)
  t.is((await differences(resource, options)).length, 1)
  t.is((await applyOnce(resource, options)).code, 0)
  t.deepEqual(await differences(resource, options), [])
})

test('a device that holds anything is never formatted', async (t) => {
  const late = Buffer.from(BLANK)
  late[16 * 1024 * 1024 - 1] = 1
  for (const [content, known] of [
    [BLANK, 'ext4'],
    [late, ''],
    ['not even 16 MiB', ''],
  ] as const) {
    const { resource, options, path } = device(t, content, known)
    t.deepEqual(await differences(resource, options), [])
    // as it would end where somebody wrote to it after the plan was made
    const { code, stdout } = await fragment(resource.want.run, options)
    t.is(code, 1)
    t.regex(stdout, /holds something, and is not formatted\n$/)
    t.true(readFileSync(path).equals(Buffer.from(content)))
  }
})

test('a device that is not there', async (t) => {
  const { unless, run } = blankOnly('/dev/disk/by-id/scsi-0HC_Volume_none', 'ext4')
  const ran = await applyOnce(command('x', { unless, run }))
  t.is(ran.code, 1)
  t.is(ran.stdout, 'there is no /dev/disk/by-id/scsi-0HC_Volume_none: attach the volume to this host\n')
})

test('a bare directory with data in it is not sealed', async (t) => {
  const directory = sandbox(t)
  mkdirSync(join(directory, 'place/data'), { recursive: true })
  const ran = await applyOnce(command('x', bareIsSealed(join(directory, 'place'))))
  t.is(ran.code, 1)
  t.regex(ran.stdout, /place has data of the root disk in it: move that away\n$/)
})
