import test from 'ava'
import storage from '../../roles/storage/index.ts'
import { declared, facts, hosts, names } from './fixtures.ts'

const DEVICE = '/dev/disk/by-id/scsi-0HC_Volume_1'
const onDevice = (more = {}) => ({ volumes: { 'crate-data': { device: DEVICE, ...more } } })

for (const [machine, known] of Object.entries(facts))
  test(`storage on ${machine}: a directory of the root disk, offered by the host's slot`, (t) => {
    for (const host of hosts) {
      const resources = declared(storage, host, known)
      t.deepEqual(names(resources), [
        'directory /var/lib/nomad-volumes',
        'directory /var/lib/nomad-volumes/crate-data',
        'directory /etc/nomad.d',
        'file /etc/nomad.d/storage.hcl',
      ])
      t.like(resources[1]?.want, { owner: '1000', group: '1000', mode: '0750' })
      t.is(
        String(resources[3]?.want.content),
        `# Written by Caravan from the role storage. Nomad reads it beside nomad.hcl.
client {
  host_volume "crate-data[${host.slot}]" {
    path      = "/var/lib/nomad-volumes/crate-data"
    read_only = false
  }
}
`,
      )
    }
  })

test('a host without a slot keeps nothing', (t) => {
  t.deepEqual(declared(storage, { ...hosts[0], slot: undefined }, facts.debian12), [])
})

test('on a device: formatted if blank, sealed, mounted, and the data below', (t) => {
  const resources = declared(storage, hosts[1], facts.debian12, onDevice())
  t.deepEqual(names(resources).slice(1, -2), [
    `command file system of ${DEVICE}`,
    'command /var/lib/nomad-volumes/crate-data takes no data while nothing is mounted',
    'mount /var/lib/nomad-volumes/crate-data',
    'directory /var/lib/nomad-volumes/crate-data/data',
  ])
  t.deepEqual(resources[3]?.want.fields, [
    DEVICE,
    '/var/lib/nomad-volumes/crate-data',
    'ext4',
    'discard,nofail,x-systemd.before=nomad.service',
    '0',
    '2',
  ])
  t.regex(String(resources.at(-1)?.want.content), /path {6}= "\/var\/lib\/nomad-volumes\/crate-data\/data"/)
})

test('xfs, elsewhere, of somebody else', (t) => {
  const vars = onDevice({ fsType: 'xfs', path: '/srv/db', owner: 70, group: 71, mode: '0700' })
  const resources = declared(storage, hosts[0], facts.ubuntu2404, vars)
  t.deepEqual(names(resources).slice(1, 2), ['package xfsprogs'])
  t.is(resources.find(({ type }) => type.name === 'mount')?.want.fields[5], '0')
  t.like(resources.find(({ id }) => id === '/srv/db/data')?.want, { owner: '70', group: '71', mode: '0700' })
})

const REFUSED: readonly [volumes: Record<string, unknown>, message: RegExp][] = [
  [{ a: { device: '/dev/sdb' } }, /a name that stays, below \/dev\/disk\/by-id\//],
  [{ a: { device: "/dev/disk/by-id/x'; rm" } }, /a name that stays/],
  [{ a: { path: 'data' } }, /an absolute path/],
  [{ a: { path: '/srv/../etc' } }, /an absolute path/],
  [{ a: { path: "/srv/it's" } }, /an absolute path/],
  [{ a: { path: '' } }, /an absolute path/],
  [{ a: { mode: '750' } }, /octal text/],
  [{ a: { sise: 1 } }, /Unrecognized key: .*sise/],
  [{ 'a[0]': {} }, /a name of letters, digits and -/],
]
for (const [volumes, message] of REFUSED)
  test(`refused: ${JSON.stringify(volumes)}`, (t) => {
    t.throws(() => storage.vars.parse({ volumes }), { message })
  })
