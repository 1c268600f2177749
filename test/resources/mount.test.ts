import test from 'ava'
import fc from 'fast-check'
import { ProbeError } from '../../core/errors.ts'
import { type MountHave, type MountOptions, mount, mountType } from '../../core/resources/mount.ts'
import { escapeField, fstabLine, unescapeField } from '../../core/resources/shared/mounts.ts'
import { applyOnce, HOSTILE, law, lawOfUnknown, observe } from './law.ts'
import { privateHost } from './private-host.ts'
import { sh } from './sh.ts'
import { diffTable, garbageTable, show, wrongTable } from './tables.ts'

const DISK = '/dev/disk/by-id/scsi-0HC_Volume_1'
const volume: MountOptions = { source: DISK, fsType: 'ext4', options: ['discard', 'nofail'], pass: 2 }
const want = (options: Partial<MountOptions> = {}) => mount('/mnt/x', { ...volume, ...options }).want
const LINE = `${DISK} /mnt/x ext4 discard,nofail 0 2`
const mounted = { device: '8:16', target: '/mnt/x', source: '/dev/sdb', fsType: 'ext4', options: ['rw', 'relatime'] }
const have: MountHave = { lines: [LINE], mounted, device: '8:16', same: false }

diffTable(mountType, [
  ['equal', want(), have, []],
  ['nothing', want(), { ...have, lines: [], mounted: undefined }, [`fstab: (absent) → ${LINE}`, 'mounted: no → yes']],
  ['not mounted', want(), { ...have, mounted: undefined }, ['mounted: no → yes']],
  [
    'noauto',
    want({ options: ['noauto'] }),
    { ...have, lines: [LINE.replace('discard,nofail', 'noauto')], mounted: undefined },
    [],
  ],
  [
    'tabs, and fields that are left out',
    want({ options: [], pass: 0 }),
    { ...have, lines: [`${DISK}\t/mnt/x/  ext4`] },
    [],
  ],
  ['options', want({ options: ['nofail'] }), have, [`fstab: ${LINE} → ${LINE.replace('discard,', '')}`]],
  ['pass', want({ pass: 0 }), have, [`fstab: ${LINE} → ${LINE.replace(/2$/, '0')}`]],
  [
    'flags that are not live',
    want({ options: ['ro', 'noexec', 'discard'] }),
    {
      ...have,
      lines: [LINE.replace('discard,nofail', 'ro,noexec,discard')],
      mounted: { ...mounted, options: ['rw', 'noexec'] },
    },
    ['options: rw,noexec → also ro'],
  ],
  [
    'by the same name',
    want({ source: 'tmpfs', fsType: 'tmpfs', options: [], pass: 0 }),
    {
      lines: ['tmpfs /mnt/x tmpfs'],
      mounted: { ...mounted, source: 'tmpfs', fsType: 'tmpfs' },
      device: undefined,
      same: false,
    },
    [],
  ],
  [
    'a bind mount',
    want({ source: '/srv', fsType: 'none', options: ['bind'], pass: 0 }),
    { lines: ['/srv /mnt/x none bind 0 0'], mounted, device: undefined, same: true },
    [],
  ],
])

test('what cannot be mended from here is an error of the plan', (t) => {
  const diff =
    (one: MountHave, options: Partial<MountOptions> = {}) =>
    () =>
      mountType.diff(want(options), one, { changes: () => false })
  t.throws(diff({ ...have, lines: [LINE, LINE] }), { instanceOf: ProbeError, message: /two lines/ })
  for (const other of [{ device: '8:32', source: '/dev/sdc' }, { fsType: 'xfs' }])
    t.throws(diff({ ...have, mounted: { ...mounted, ...other } }), {
      instanceOf: ProbeError,
      message: /^something else is mounted there: /,
    })
  t.throws(diff({ ...have, device: undefined, same: false }, { source: '/srv', fsType: 'none', options: ['bind'] }), {
    message: /something else/,
  })
})

wrongTable([
  [() => mount('x', volume), /relative/],
  [() => mount('/', volume), /root/],
  [() => mount('/x', { ...volume, source: '' }), /one line/],
  [() => mount('/x', { ...volume, source: 'a\nb' }), /one line/],
  [() => mount('/x', { ...volume, source: '/dev/sdb' }), /another device after a reboot/],
  [() => mount('/x', { ...volume, source: '/dev/nvme1n1p1' }), /another device after a reboot/],
  [() => mount('/x', { ...volume, fsType: 'ext4 ' }), /not a file system/],
  [() => mount('/x', { ...volume, options: ['a,b'] }), /not one option/],
  [() => mount('/x', { ...volume, options: ['a b'] }), /not one option/],
  [() => mount('/x', { ...volume, options: [''] }), /not one option/],
])

const INFO = '36 35 8:16 / /mnt/x rw,relatime shared:1 - ext4 /dev/sdb rw,errors=remount-ro'
const base64 = (text: string) => Buffer.from(text).toString('base64')
const parse = (output: string) => mountType.parse(output, [mount('/mnt/x', volume)]).get('/mnt/x')
garbageTable('mount', parse, [
  '',
  '\n=\n',
  `\n${INFO}\n8:10 0\n`,
  '\nx\n=\n8:10 0\n',
  '!\n=\n- 0\n',
  '\n=\n8:x 0\n',
  '\n=\n- 0\n- 0\n',
])

test('parse: the topmost mount, the lines for this path, the number of the device', (t) => {
  const fstab = `# /x /mnt/x ext4\n${LINE}\n/dev/y /mnt/x2 ext4\n\n\t/z\t/mnt/x//\n`
  const output = `${base64(fstab)}\n${INFO}\n${INFO.replace('8:16', '8:32')}\n9 9 0:1 /mnt/x /other rw - tmpfs  /mnt/x rw\n=\n8:10 0\n`
  t.like(parse(output.replace(/9 9.*\n/, '')), {
    lines: [LINE, '\t/z\t/mnt/x//'],
    mounted: { device: '8:32', options: ['rw', 'relatime', 'rw', 'errors=remount-ro'] },
    device: '8:16',
  })
})

test('any field of fstab comes back, and no field is two', (t) => {
  const text = fc.string({ minLength: 1, unit: 'binary' })
  fc.assert(
    fc.property(text, (field) => unescapeField(escapeField(field)) === field && !/[ \t\n]/.test(escapeField(field))),
    { numRuns: 1000 },
  )
  t.is(fstabLine(['#a b', '/x']), '\\043a\\040b /x')
})

test('a directory at its path is no conflict: it is what is mounted that the directory describes', (t) => {
  t.is(mountType.identity, undefined)
})

const tmpfs = (path: string, ...options: string[]) => mount(path, { source: 'tmpfs', fsType: 'tmpfs', options })
const REST = '# by hand\n/dev/disk/by-uuid/1 / ext4 defaults 0 1\n\tproc /proc proc\r\n\\x /odd'

test('law: hostile names, and all other lines byte for byte', async (t) => {
  const world = await privateHost(t)
  if (world === undefined) return
  const run = async (script: string) => (await sh(script, world.options)).stdout
  await run(`printf %s '${REST.replaceAll("'", "'\\''")}' >/etc/fstab; chmod 0640 /etc/fstab`)
  for (const name of [...HOSTILE, 'a\\040b']) {
    const resource = tmpfs(`/run/below/${name}`, 'nofail', 'x-systemd.before=nomad.service', 'size=1m')
    const changes = await law(t, world, resource)
    t.deepEqual(
      changes.map(({ property }) => property),
      ['fstab', 'mounted'],
    )
  }
  t.true((await run('cat /etc/fstab')).startsWith(`${REST}\n`))
  t.is(
    (await run('grep -c tmpfs /etc/fstab; stat -c %a /etc/fstab; ls -A /etc | grep caravan')).trim(),
    `${HOSTILE.length + 1}\n640`,
  )
  // the real parser finds every one of them
  t.is(await run('findmnt --verify --tab-file /etc/fstab 2>&1 | grep -c "/run/below/.*unreachable"'), '0\n')
  const odd = tmpfs(`/run/below/${HOSTILE[2]}`, 'ro')
  t.deepEqual(
    (await law(t, world, odd)).map(({ property }) => property),
    ['fstab', 'options'],
  )
  t.is(((await observe([odd], world.options)) as MountHave[])[0]?.lines.length, 1)
})

test('law: bind mounts, what is mounted without a line, and a line without a mount', async (t) => {
  const world = await privateHost(t)
  if (world === undefined) return
  await sh(
    'mkdir -p /run/source /run/a; : >/run/source/file; rm -f /etc/fstab; mount -t tmpfs tmpfs /run/a',
    world.options,
  )
  const bind = mount('/run/b', { source: '/run/source', fsType: 'none', options: ['bind', 'ro'] })
  await law(t, world, bind)
  t.is((await sh('ls /run/b; touch /run/b/x 2>/dev/null || echo read-only', world.options)).stdout, 'file\nread-only\n')
  t.deepEqual((await law(t, world, tmpfs('/run/a'))).map(show), ['fstab: (absent) → tmpfs /run/a tmpfs defaults 0 0'])
  await sh('umount /run/a', world.options)
  t.deepEqual((await law(t, world, tmpfs('/run/a'))).map(show), ['mounted: no → yes'])
  await lawOfUnknown(t, world, tmpfs('/run/c'))
  await law(t, world, tmpfs('/run/d', 'noauto'))
  t.is((await sh('mountpoint -q /run/d || echo no', world.options)).stdout, 'no\n')
})

test('fails, and writes no line: no device, no file system, a directory that is not empty', async (t) => {
  const world = await privateHost(t)
  if (world === undefined) return
  const before = (await sh('cat /etc/fstab; mkdir -p /run/full/x; ln -s /run /run/link', world.options)).stdout
  const reason = async (resource: ReturnType<typeof mount>) => {
    const { code, stderr } = await applyOnce(resource, world.options)
    t.not(code, 0)
    return stderr.trim().split('\n').at(-1)
  }
  t.is(await reason(mount('/run/v', volume)), `${DISK} does not exist`)
  t.is(
    await reason(mount('/run/v', { ...volume, source: 'UUID=1-2' })),
    'UUID=1-2 cannot be mounted as ext4 (nothing is formatted from here)',
  )
  t.is(
    await reason(mount('/run/v', { ...volume, source: 'none', fsType: 'caravanfs' })),
    'none cannot be mounted as caravanfs (nothing is formatted from here)',
  )
  t.regex((await reason(tmpfs('/run/full'))) ?? '', /is not empty, and mounting would hide/)
  t.regex((await reason(tmpfs('/run/link'))) ?? '', /symbolic link/)
  t.is((await sh('cat /etc/fstab', world.options)).stdout, before)
})
