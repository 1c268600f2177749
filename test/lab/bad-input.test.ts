import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { parse, stringify } from 'yaml'
import { quote } from '../../core/remote/shell.ts'
import { PUBLIC } from '../../lab/config.ts'
import { appliedIn, hostSite, hostsConverged, inventoryText, NODES, on, planOf, type Ran, tornOn } from './machines.ts'

const NODE = 'node-1'
const DAEMON = '/etc/docker/daemon.json'
const room = mkdtempSync(join(tmpdir(), 'caravan-bad-'))

type HostSettings = Record<string, unknown> & { hostKeys: readonly string[] }
type Edit = (hosts: Record<string, HostSettings>) => void

/** Runs with the lab's inventory, with something in it that is wrong. */
const siteWith = (title: string, edit: Edit, ...args: readonly string[]): Promise<Ran> => {
  const inventory = parse(inventoryText()) as { hosts: Record<string, HostSettings> }
  edit(inventory.hosts)
  const path = join(room, `${title.replaceAll(' ', '-')}.yaml`)
  writeFileSync(path, stringify(inventory, { lineWidth: 0 }))
  return hostSite(['--inventory', path, ...args])
}

const drift = 'echo "10.33.0.9 stray" >>/etc/hosts; sed -i s/10.33.0.3/10.33.0.8/ /etc/hosts'
const mended = "sed -i '/stray/d' /etc/hosts"

test.before('a converged lab with users that may little', async (t) => {
  await hostsConverged(t)
  await on(
    NODE,
    `for user in eve adam; do
  id $user >/dev/null 2>&1 || useradd -m -s /bin/bash $user
  install -d -o $user -m 0700 /home/$user/.ssh
  install -o $user -m 0600 /root/.ssh/authorized_keys /home/$user/.ssh/authorized_keys
done
echo eve:caravan-lab | chpasswd
echo 'adam ALL=(ALL:ALL) NOPASSWD: /usr/bin/id' >/etc/sudoers.d/adam`,
  )
})

test.after.always('as it was', async (t) => {
  rmSync(room, { recursive: true })
  await on(NODE, 'for user in eve adam; do userdel -rf $user 2>/dev/null || :; done; rm -f /etc/sudoers.d/adam')
  await hostsConverged(t)
})

test.afterEach.always('nothing torn', async (t) => {
  for (const name of NODES) t.is(await tornOn(name), '', name)
})

const password = join(room, 'password')
writeFileSync(password, 'caravan-lab\n', { mode: 0o600 })

const unreachable: readonly (readonly [title: string, edit: Partial<HostSettings>, message: RegExp])[] = [
  [
    'an address where nobody is',
    { address: PUBLIC.network.replace('.0/24', '.99') },
    /^node-1: 198\.18\.\d+\.99 does not answer on port 22\n[\s\S]*try: is it running, is the address right/,
  ],
  [
    'a port where nobody listens',
    { port: 2222 },
    /^node-1: 198\.18\.33\.11 refuses connections on port 2222\n[\s\S]*try: is sshd running there, and is this its port/,
  ],
  [
    'a user that does not exist',
    { user: 'nobody-here' },
    /^node-1: 198\.18\.33\.11 does not let nobody-here in with .*id_ed25519 \(it accepts: publickey.*\)\n[\s\S]*try: check the user and the key/,
  ],
  [
    'a changed host key',
    { hostKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKtgnWixW0vjSAqKfvZa21iLkVQ8tAqXT5BI5PBf661f'] },
    /^node-1: the host key of 198\.18\.33\.11 is not the one that is known: was the machine made anew, or is somebody in between\?\n[\s\S]*try: .*correct hostKeys of node-1/,
  ],
  [
    'a user without sudo rights',
    { user: 'eve', sudoPasswordFile: password },
    /^node-1: eve may not run everything with sudo\n[\s\S]*try: use root, or a user that sudoers allows ALL commands/,
  ],
  [
    'a user that may run one program with sudo',
    { user: 'adam' },
    /^node-1: sudo wants a password\n[\s\S]*try: .*sudoPasswordFile/,
  ],
  [
    'a private address that the machine has not',
    { privateIp: '10.33.0.77' },
    /^node-1: no interface has the private address 10\.33\.0\.77 that the inventory gives this host\n[\s\S]*try: found: .*enp7s0 10\.33\.0\.2/,
  ],
]

for (const [title, settings, message] of unreachable) {
  test(`unreachable: ${title}`, async (t) => {
    await Promise.all([on(NODE, drift), on('node-3', drift)])
    const ran = await siteWith(title, (hosts) => Object.assign(hosts[NODE] as HostSettings, settings), '--yes')
    await Promise.all([on(NODE, mended), on('node-3', mended)])
    t.is(ran.exit, 1)
    t.is(ran.errors.length, 1)
    t.regex(ran.errors.join(), message)
    t.notRegex(ran.errors.join() + ran.stderr, /at file:|node:internal/)
    t.true(appliedIn(ran).has('node-3 › block /etc/hosts#cluster'), 'the others converge')
    t.false(appliedIn(ran).has('node-1 › block /etc/hosts#cluster'))
    t.is(ran.summary?.hosts[NODE]?.changed, 0)
  })
}

const files = (n: number) => ['--limit', NODE, '--vars', `docker.logMaxFiles=${n}`]

/** Something on the machine that makes an apply fail: how to make it, how to undo it, what is then said. */
const failing: readonly (readonly [
  title: string,
  make: string,
  undo: string,
  args: readonly string[],
  message: RegExp,
])[] = [
  [
    'a read-only directory',
    'mount --bind /etc/docker /etc/docker && mount -o remount,bind,ro /etc/docker',
    'umount /etc/docker',
    files(4),
    /^node-1 › docker › json \/etc\/docker\/daemon\.json: apply failed: .*Read-only file system \(exit \d+\)[\s\S]*try: findmnt /,
  ],
  [
    'a full disk',
    `cp -p ${DAEMON} /run/kept; mount -t tmpfs -o size=8k,mode=0755 none /etc/docker; cp -p /run/kept ${DAEMON}; head -c 100000 /dev/zero >/etc/docker/full || :`,
    `umount /etc/docker; rm -f /run/kept`,
    files(4),
    /^node-1 › docker › json \/etc\/docker\/daemon\.json: apply failed: .*No space left on device \(exit \d+\)[\s\S]*try: df -h /,
  ],
  [
    'a directory that cannot be changed',
    `chattr +i /etc/docker`,
    `chattr -i /etc/docker`,
    files(4),
    /^node-1 › docker › json \/etc\/docker\/daemon\.json: apply failed: .*Operation not permitted \(exit \d+\)[\s\S]*try: lsattr /,
  ],
  [
    'a validator that rejects',
    // Docker before 23.0 has none: one that knows the flag and likes nothing
    `printf '%s\\n' '#!/bin/sh' 'case $1 in --help) echo --validate ;; *) echo unable to configure the daemon; exit 1 ;; esac' >/usr/local/sbin/dockerd; chmod 0755 /usr/local/sbin/dockerd`,
    'rm -f /usr/local/sbin/dockerd',
    files(4),
    /^node-1 › docker › json \/etc\/docker\/daemon\.json: apply failed: the validator rejects the new content \(exit 1\): .*\n[\s\S]*unable to configure the daemon/,
  ],
  [
    'a package that does not exist',
    ':',
    ':',
    ['--limit', NODE, '--vars', 'base.packages=[curl, nope-nope]'],
    /^node-1 › base › package nope-nope: apply failed: apt knows no package nope-nope: is the name right for this release, and its repository set up\?/,
  ],
]

for (const [title, make, undo, args, message] of failing) {
  test(`apply fails: ${title}`, async (t) => {
    const before = await on(NODE, `sha256sum ${DAEMON}`)
    await on(NODE, make)
    const ran = await hostSite(['--yes', ...args])
    await on(NODE, undo)
    t.is(ran.exit, 1)
    t.is(ran.errors.length, 1)
    t.regex(ran.errors.join(), message)
    t.notRegex(ran.errors.join() + ran.stderr, /at file:|node:internal/)
    t.is(await on(NODE, `sha256sum ${DAEMON}`), before)
    t.deepEqual(
      planOf(await hostSite(['--check', '--limit', NODE]), NODE),
      [],
      'nothing was changed, and nothing is owed',
    )
  })
}

test('a setting that docker does not know: its own words are shown, and the next run mends it', async (t) => {
  const ran = await hostSite(['--yes', '--limit', NODE, '--vars', 'docker.settings={"nonsense": true}'])
  t.is(ran.exit, 1)
  t.is(ran.errors.length, 1)
  t.regex(ran.errors.join(), /^node-1 › docker › service docker\.service: apply failed: /)
  t.regex(ran.errors.join(), /nonsense/, "docker's own words")
  await on(
    NODE,
    `python3 -c 'import json; path = "${DAEMON}"; all = json.load(open(path)); del all["nonsense"]; json.dump(all, open(path, "w"))'`,
  )
  await hostsConverged(t, '--limit', NODE)
})

const rcFiles: readonly (readonly [title: string, lines: string, message?: RegExp])[] = [
  ['a banner', 'echo "Welcome to node-1"; echo "  *** authorised use only ***"; echo loud >&2'],
  ['a banner without a line break', 'printf "Welcome"'],
  ['colours and other control characters', `printf '\\033[31mred\\033[0m\\r\\n\\a'`],
  [
    'what reads stdin',
    'read -r answer',
    /^node-1: the host's answer is garbage: [\s\S]*try: .*start-up file.*read stdin/,
  ],
  [
    'what ends the shell',
    'echo "Closed on Sundays."; exit 1',
    /^node-1: the host let us in, but ran nothing \(exit 1\)\nClosed on Sundays\.\ntry: ssh 198\.18\.33\.11 /,
  ],
]

for (const [title, lines, message] of rcFiles) {
  test(`start-up files of the shell: ${title}`, async (t) => {
    const rc = '/home/ops/.bashrc'
    await on(NODE, `cp -p ${rc} /run/kept; { printf '%s\\n' ${quote(lines)}; cat /run/kept; } >${rc}`)
    const ran = await siteWith(
      title,
      (hosts) => Object.assign(hosts[NODE] as HostSettings, { user: 'ops' }),
      '--check',
      '--limit',
      NODE,
    )
    await on(NODE, `cat /run/kept >${rc}; rm /run/kept`)
    if (message === undefined) return t.is(ran.exit, 0, [...planOf(ran, NODE), ...ran.errors].join('\n'))
    t.is(ran.exit, 1)
    t.regex(ran.errors.join(), message)
  })
}

const replaced: readonly (readonly [title: string, program: string, script: string, message: RegExp])[] = [
  [
    'garbage instead of an answer',
    'stat',
    'head -c 300 /dev/urandom',
    /^node-1: the probe of \w+ was not understood: [\s\S]*try: does something on the host replace or wrap the programs that a probe runs\?/,
  ],
  ['nothing instead of an answer', 'sha256sum', 'exit 0', /^node-1: the probe of \w+ was not understood/],
  [
    'a program that fails',
    'systemctl',
    'echo no bus >&2; exit 1',
    /^node-1: the host did not tell its systemd\n[\s\S]*try: Caravan needs /,
  ],
]

for (const [title, program, script, message] of replaced) {
  test(`the probe reads ${title}`, async (t) => {
    const path = `/usr/local/sbin/${program}`
    await on(NODE, `printf '%s\\n' '#!/bin/sh' '${script}' >${path}; chmod 0755 ${path}`)
    const ran = await hostSite(['--check', '--limit', NODE])
    await on(NODE, `rm ${path}`)
    t.is(ran.exit, 1)
    t.is(ran.errors.length, 1)
    t.regex(ran.errors.join(), message)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
    t.notRegex(ran.stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
  })
}
