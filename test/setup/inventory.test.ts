import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { parseInventory } from '../../core/declare/inventory.ts'
import { CaravanError } from '../../core/errors.ts'
import { backupPath, refuseUnwritable, standing, writeInventory } from '../../core/setup/inventory-file.ts'
import { type Draft, inventoryText } from '../../core/setup/inventory-text.ts'
import type { Login } from '../../core/setup/machine.ts'
import { machine } from './machines.ts'

const paths = { inventory: '/srv/cluster/inventory.yaml', schema: '/srv/cluster/inventory.schema.json' }

const draft = (names: readonly string[], servers: number, login: Partial<Login> = {}): Draft => ({
  network: '10.33.0.0/16',
  servers,
  machines: names.map((name, slot) => {
    const one = machine(`203.0.113.${slot + 1}`, [])
    return { ...one, name, privateIp: `10.33.0.${slot + 2}`, login: { ...one.login, ...login } }
  }),
})

const read = (text: string) => parseInventory(text, paths.inventory, { roles: [], roleNames: [] })

test('what is written reads back as it was meant', (t) => {
  const text = inventoryText(draft(['node-1', 'node-2', 'node-3', 'node-4'], 3, { port: 2222 }), paths)
  const { cluster, hosts, groups } = read(text)
  t.deepEqual(cluster, { name: 'caravan', datacenter: 'dc1', network: '10.33.0.0/16', expose: 'private' })
  t.deepEqual(groups, { servers: ['node-1', 'node-2', 'node-3'], clients: ['node-4'] })
  t.deepEqual(
    hosts.map(({ name, address, privateIp, slot }) => [name, address, privateIp, slot]),
    [1, 2, 3, 4].map((n) => [`node-${n}`, `203.0.113.${n}`, `10.33.0.${n + 1}`, n - 1]),
  )
  t.deepEqual(hosts[1]?.ssh, {
    ...{ user: 'root', port: 2222, identityFile: undefined, sudoPasswordFile: undefined },
    hostKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPZ9izVrftFgKKJWz/tDkqf3rGNzaSumtmxoVna1F7UL'],
  })
})

test('words that YAML takes for something else, paths and IPv6 addresses survive', (t) => {
  const names = ['1', 'null', 'true', '0x10', '1e3']
  const files = {
    identityFile: "/home/o'neil/my keys: #1/id",
    sudoPasswordFile: '/srv/cluster/secret/sudo',
    user: '007',
  }
  const text = inventoryText(draft(names, 5, files), paths)
  const { hosts, groups } = read(text)
  t.deepEqual(groups.servers, names)
  // numeric keys of an object come first in JavaScript, whatever the file's order
  t.deepEqual(new Set(hosts.map(({ name }) => name)), new Set(names))
  t.is(hosts[0]?.ssh.identityFile, files.identityFile)
  t.is(hosts[0]?.ssh.sudoPasswordFile, files.sudoPasswordFile)
  t.is(hosts[0]?.ssh.user, '007')
  t.regex(text, /^ {4}sudoPasswordFile: secret\/sudo$/m)
  t.is(read(inventoryText(draft(['a'], 1, { address: '2001:db8::1' }), paths)).hosts[0]?.address, '2001:db8::1')
  t.is(read(inventoryText(draft(['a'], 1, { address: '12345' }), paths)).hosts[0]?.address, '12345')
})

test('where the lab downloads from goes with it', (t) => {
  const downloads = { mirror: 'http://198.18.33.1:8080', by: 'host', keys: { hashicorp: 'A'.repeat(40) } } as const
  t.deepEqual(read(inventoryText({ ...draft(['a'], 1), downloads }, paths)).downloads, downloads)
  t.notRegex(inventoryText(draft(['a'], 1), paths), /downloads/)
})

test('editors find the schema, whatever the directory', (t) => {
  const first = (inventory: string) => inventoryText(draft(['a'], 1), { ...paths, inventory }).split('\n')[0]
  t.is(first(paths.inventory), '# yaml-language-server: $schema=./inventory.schema.json')
  t.is(first('/tmp/x.yaml'), '# yaml-language-server: $schema=/srv/cluster/inventory.schema.json')
})

const room = mkdtempSync(join(tmpdir(), 'cv-setup-file-'))
test.after.always(() => rmSync(room, { recursive: true }))
let rooms = 0
const file = (text?: string): string => {
  const directory = join(room, String(rooms++))
  mkdirSync(directory)
  if (text !== undefined) writeFileSync(join(directory, 'inventory.yaml'), text)
  return join(directory, 'inventory.yaml')
}

test('the inventory that comes with Caravan is the example, until somebody edits it', (t) => {
  const example = readFileSync(new URL('../../inventory.yaml', import.meta.url), 'utf8')
  t.is(standing(file()), 'nothing')
  t.is(
    standing(file(example)),
    'example',
    'EXAMPLE in core/setup/inventory-file.ts must be the sha256 of inventory.yaml',
  )
  t.is(standing(file(`${example}\n`)), 'work')
})

test('the inventory is written whole, and what was there is kept when that is wanted', (t) => {
  const path = file('old')
  const backup = backupPath(path, new Date('2031-02-03T04:05:06Z'))
  t.is(backup, `${path}.bak-20310203T040506`)
  writeInventory(path, 'new', backup)
  t.is(readFileSync(path, 'utf8'), 'new')
  t.is(readFileSync(backup, 'utf8'), 'old')
  t.is(statSync(path).mode & 0o777, 0o644)
  writeInventory(path, 'newer')
  t.is(readFileSync(path, 'utf8'), 'newer')
  t.deepEqual(readdirSync(join(path, '..')).sort(), ['inventory.yaml', 'inventory.yaml.bak-20310203T040506'])
})

test('an older copy is never overwritten, and then nothing is', (t) => {
  const path = file('old')
  writeFileSync(`${path}.bak`, 'precious')
  t.throws(() => writeInventory(path, 'new', `${path}.bak`), { instanceOf: CaravanError, message: /EEXIST/ })
  t.is(readFileSync(path, 'utf8'), 'old')
  t.is(readFileSync(`${path}.bak`, 'utf8'), 'precious')
})

test('where nothing can be written, that is said before the questions', (t) => {
  t.notThrows(() => refuseUnwritable(file()))
  t.throws(() => refuseUnwritable(join(room, 'none', 'inventory.yaml')), {
    instanceOf: CaravanError,
    message: /^cannot write .*: .*none does not exist or is not yours to write$/,
  })
})
