import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { configuredUser, sshAliases } from '../../core/setup/own-ssh.ts'

const room = mkdtempSync(join(tmpdir(), 'cv-setup-ssh-'))
test.after.always(() => rmSync(room, { recursive: true }))

const write = (name: string, text: string): string => {
  writeFileSync(join(room, name), text)
  return join(room, name)
}

test('aliases are the hosts of the configuration, in its order, without patterns', (t) => {
  const file = write(
    'config',
    `# mine
Host web-1 web-2 *.example.com !web-9
  HostName 203.0.113.1
  User root
host=db-1
  HostName 203.0.113.2
Match host web-1
  Port 2222
Host "quoted" web-1 gw?
Host *
  ForwardAgent yes
`,
  )
  t.deepEqual(sshAliases(file), ['web-1', 'web-2', 'db-1', 'quoted'])
})

test('included files count, in their place, also by pattern; a circle ends', (t) => {
  mkdirSync(join(room, 'conf.d'))
  write('conf.d/a', 'Host a-1\n')
  write('conf.d/b', `Host b-1\nInclude ${join(room, 'top')}\n`)
  const file = write('top', `Include ${join(room, 'conf.d')}/*\nHost top-1\n  Include ${join(room, 'nowhere')}\n`)
  t.deepEqual([...sshAliases(file)].sort(), ['a-1', 'b-1', 'top-1'])
  t.is(sshAliases(file)[0], 'a-1')
})

test('no configuration has no aliases', (t) => {
  t.deepEqual(sshAliases(join(room, 'none')), [])
})

test('the user of the configuration, and none where it says nothing', async (t) => {
  const own = [
    write('users', 'Host web-*\n  User deploy\nHost db-1\n  HostName 203.0.113.2\n'),
    write('system', 'Host db-*\n  User postgres\n'),
    join(room, 'missing'),
  ]
  t.is(await configuredUser('web-1', own), 'deploy')
  t.is(await configuredUser('db-1', own), 'postgres')
  t.is(await configuredUser('203.0.113.7', own), undefined)
  t.is(await configuredUser('web-1', [write('broken', 'Bogus yes\nHost *\n  User x\n')]), undefined)
})
