import test from 'ava'
import type { SshSettings } from '../../core/declare/host.ts'
import { InventoryError } from '../../core/errors.ts'
import { pinnedKeys, sshConfig } from '../../core/remote/ssh-config.ts'
import { host } from './hosts.ts'

const files = {
  knownHosts: '/p/known_hosts',
  pinned: '/p/pinned',
  own: ['/home/me/.ssh/config', '/etc/ssh/ssh_config'],
}
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPZ9izVrftFgKKJWz/tDkqf3rGNzaSumtmxoVna1F7UL'

const lines = (ssh: Partial<SshSettings>, address = 'box.example.com'): string[] =>
  sshConfig([host('node-1', address, ssh)], files, () => '/run/me/s')
    .split('\n')
    .map((line) => line.trim())

const written: readonly [name: string, ssh: Partial<SshSettings>, present: string[], absent: RegExp][] = [
  [
    'what the inventory leaves out is left to the person',
    {},
    ['Host box.example.com', 'UserKnownHostsFile "/p/known_hosts" ~/.ssh/known_hosts ~/.ssh/known_hosts2'],
    /^(HostName|User|Port|IdentityFile|IdentitiesOnly|HostKeyAlias|ProxyJump|StrictHostKeyChecking)\b/,
  ],
  [
    'user, port and key',
    { user: 'deploy', port: 2222, identityFile: '/k/id 1 50%' },
    ['User deploy', 'Port 2222', 'IdentityFile "/k/id 1 50%%"', 'IdentitiesOnly yes'],
    /^HostName/,
  ],
  [
    'keys of the inventory are the only trust',
    { hostKeys: [KEY] },
    ['HostKeyAlias node-1', 'UserKnownHostsFile "/p/pinned"', 'GlobalKnownHostsFile /dev/null', 'VerifyHostKeyDNS no'],
    /known_hosts/,
  ],
]

for (const [name, ssh, present, absent] of written) {
  test(`config: ${name}`, (t) => {
    const all = lines(ssh)
    for (const line of present) t.true(all.includes(line), line)
    t.deepEqual(
      all.filter((line) => absent.test(line)),
      [],
    )
  })
}

test('config: ours stands before the files of the person, which stand in a block of everything', (t) => {
  const all = lines({ user: 'root' })
  const at = (line: string) => all.indexOf(line)
  t.true(at('ControlMaster auto') > at('Host box.example.com'))
  t.true(at('Host *') > at('ControlPath "/run/me/s"'))
  t.deepEqual(all.slice(at('Host *') + 1), ['Include "/home/me/.ssh/config"', 'Include "/etc/ssh/ssh_config"', ''])
})

const refused: readonly [name: string, ssh: Partial<SshSettings>, address?: string][] = [
  ['a user with a newline', { user: 'root\nProxyCommand touch /tmp/x' }],
  ['a user with a quote', { user: 'ro"ot' }],
  ['a user with a space', { user: 'root x' }],
  ['a user that is an option', { user: '-oProxyCommand=x' }],
  ['a port that is none', { port: 0 }],
  ['a port with a fraction', { port: 22.5 }],
  ['a key path with a quote', { identityFile: '/k/"id' }],
  ['a key path with a newline', { identityFile: '/k/id\nProxyCommand x' }],
  ['a key path with a backslash', { identityFile: '/k/i\\d' }],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: ssh's own syntax
  ['a key path with a variable', { identityFile: '/k/${HOME}' }],
  ['a key path that is relative', { identityFile: 'k/id' }],
  ['an address that is an option', {}, '-oProxyCommand=x'],
  ['an address that is a pattern', {}, 'node-*'],
  ['an address that negates', {}, '!node'],
  ['an address with a space', {}, 'a b'],
  ['an address with a newline', {}, 'a\nb'],
  ['an address with a user', {}, 'root@a'],
  ['an empty address', {}, ''],
]

for (const [name, ssh, address] of refused) {
  test(`config refuses ${name}`, (t) => {
    const error = t.throws(() => lines(ssh, address), { instanceOf: InventoryError })
    t.is(error?.details.host, 'node-1')
  })
}

test('config refuses two hosts with one address', (t) => {
  t.throws(() => sshConfig([host('a', 'x'), host('b', 'x')], files, () => '/s'), { instanceOf: InventoryError })
})

test('config refuses a name that is a pattern of known_hosts', (t) => {
  t.throws(() => pinnedKeys([host('*', 'x', { hostKeys: [KEY] })]), { instanceOf: InventoryError })
})

test('pinned keys stand under the name of their host, without comments', (t) => {
  const hosts = [host('a', 'x', { hostKeys: [`${KEY} me@example.com`, KEY] }), host('b', 'y')]
  t.is(pinnedKeys(hosts), `a ${KEY}\na ${KEY}\n`)
})

for (const key of ['', 'ssh-ed25519', `${KEY}\n* ${KEY}`, `* ${KEY}`, `@cert-authority * ${KEY}`, 'ssh-ed25519 AA"A']) {
  test(`a host key is refused: ${JSON.stringify(key.slice(0, 24))} of ${key.length}`, (t) => {
    t.throws(() => pinnedKeys([host('a', 'x', { hostKeys: [key] })]), { instanceOf: InventoryError })
  })
}
