/** One machine of the lab: its disk, its power switch, and whether it answers. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CONTROLLER_LINK, labDir, labPath, type Node, PRIVATE, PUBLIC, ROUTER } from './config.ts'
import { LabError } from './errors.ts'
import { clientKey, hostKey } from './keys.ts'
import { daemonPid, startDaemon, waitFor } from './processes.ts'
import { greets } from './reachable.ts'
import { attempt } from './shell.ts'
import { ssh } from './ssh.ts'

const script = join(import.meta.dirname, 'machine.sh')
const supervisor = (node: Node) => join('machines', node.name, 'supervisor')
const machinePath = (node: Node, ...parts: string[]) => labPath('machines', node.name, ...parts)

export function isOn(node: Node): boolean {
  return daemonPid(supervisor(node)) !== undefined
}

/**
 * Turns a machine on, with a new disk if it has none. Does not wait until it has booted.
 * @throws LabError when the root filesystem below its disk has left the cache.
 */
export async function turnOn(node: Node, rootfs: string): Promise<void> {
  if (isOn(node)) return
  if (!existsSync(machinePath(node, 'rootfs'))) await makeDisk(node, rootfs)
  const below = await rootfsOf(node)
  if (!existsSync(below)) {
    throw new LabError(`lab: ${node.name}: what its disk lies over is gone: ${below}`, {
      hint: `npx zx playbooks/lab.mjs reset ${node.name}`,
    })
  }
  await startDaemon(supervisor(node), ['sh', script, 'run'], await settings(node))
}

/** Shuts a machine down in order; pulls its plug when that takes longer than 20 s. */
export async function turnOff(node: Node): Promise<void> {
  const pid = daemonPid(supervisor(node))
  if (pid) {
    process.kill(pid, 'SIGTERM')
    if (await waitFor(() => !isOn(node), 20)) return
  }
  await pullPlug(node)
}

/** Ends a machine at once, as a power cut does, and removes what a killed supervisor may have left. */
export async function pullPlug(node: Node): Promise<void> {
  const settled = await settings(node)
  await attempt(['env', ...Object.entries(settled).map(([key, value]) => `${key}=${value}`), 'sh', script, 'clean'])
  if (!(await waitFor(() => !isOn(node), 10))) throw failed(node, 'does not stop')
}

/** Pulls the plug and throws the disk away. */
export async function scrap(node: Node): Promise<void> {
  await pullPlug(node)
  await rm(machinePath(node), { recursive: true, force: true })
}

/** Reboots a machine as Ctrl-Alt-Delete would and waits until it is back. */
export async function reboot(node: Node): Promise<void> {
  const pid = daemonPid(supervisor(node))
  if (!pid) {
    throw new LabError(`lab: ${node.name} is off`, { hint: `npx zx playbooks/lab.mjs start ${node.name}` })
  }
  const before = await boots(node)
  process.kill(pid, 'SIGHUP')
  // systemd itself waits up to 90 s for what ignores SIGTERM.
  if (!(await waitFor(async () => (await boots(node)) > before, 120))) {
    throw failed(node, 'did not go down within 120 s')
  }
  await waitUntilReady(node)
}

/**
 * Waits until the machine takes SSH logins and systemd has finished booting.
 * @throws LabError after 60 s, or when the machine ended.
 */
export async function waitUntilReady(node: Node): Promise<void> {
  const answered = await waitFor(async () => !isOn(node) || (await answers(node, 250)), 60)
  if (!answered || !isOn(node)) {
    throw failed(node, isOn(node) ? 'did not answer within 60 s' : 'ended')
  }
  const state = await ssh(node, 'systemctl is-system-running --wait')
  if (!/running|degraded/.test(state.stdout)) {
    throw new LabError(`lab: ${node.name} booted but ssh says: ${state.stderr.trim() || state.stdout.trim()}`)
  }
}

/** Whether sshd greets on the public address. A machine that boots does not even refuse, so patience is an argument. */
export function answers(node: Node, milliseconds: number): Promise<boolean> {
  return greets(node.address, 22, milliseconds)
}

function failed(node: Node, what: string): LabError {
  const logs = `${machinePath(node, 'console.log')} and supervisor.log beside it`
  return new LabError(`lab: ${node.name} ${what}`, { hint: `read ${logs}` })
}

/** The root filesystem that the machine's disk lies over; empty when it has no disk. */
export function rootfsOf(node: Node): Promise<string> {
  return readFile(machinePath(node, 'rootfs'), 'utf8').catch(() => '')
}

async function boots(node: Node): Promise<number> {
  return (await readFile(machinePath(node, 'boots'), 'utf8').catch(() => '')).length
}

async function settings(node: Node): Promise<Record<string, string>> {
  return {
    NAME: node.name,
    DIR: machinePath(node),
    ROOTFS: await rootfsOf(node),
    LAB: labDir(),
    LINK: CONTROLLER_LINK,
    ROUTER,
    GATEWAY: PUBLIC.gateway,
    ADDRESS: node.address,
    PUBLIC_MAC: node.publicMac,
    PRIVATE_GATEWAY: PRIVATE.gateway,
    PRIVATE_IP: node.privateIp,
    PRIVATE_MTU: String(PRIVATE.mtu),
    PRIVATE_MAC: node.privateMac,
  }
}

/** What makes a machine of the shared root filesystem: its name, its keys, who may log in. */
async function makeDisk(node: Node, rootfs: string): Promise<void> {
  for (const part of ['upper', 'work', 'root', 'docker']) await mkdir(machinePath(node, part), { recursive: true })
  await chmod(machinePath(node, 'docker'), 0o710)
  const put = (path: string, content: string, mode: number) => writeOver(node, rootfs, path, content, mode)
  const { secret, public: shown } = await hostKey(node)
  await put('etc/hostname', `${node.name}\n`, 0o644)
  await put(
    'etc/hosts',
    `127.0.1.1 ${node.name}\n127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n`,
    0o644,
  )
  await put('etc/machine-id', `${randomUUID().replaceAll('-', '')}\n`, 0o444)
  await put('etc/ssh/ssh_host_ed25519_key', secret, 0o600)
  await put('etc/ssh/ssh_host_ed25519_key.pub', `${shown}\n`, 0o644)
  const { public: login } = await clientKey()
  for (const home of ['root', 'home/deploy', 'home/ops']) await put(`${home}/.ssh/authorized_keys`, `${login}\n`, 0o600)
  // Last: a disk without it is half-made and made again.
  await writeFile(machinePath(node, 'rootfs'), rootfs)
}

/** Writes a file of the machine's own layer. Directories that lie over shared ones take their owner and mode. */
async function writeOver(node: Node, rootfs: string, path: string, content: string, mode: number): Promise<void> {
  const owner = await ownDirectory(node, rootfs, dirname(path))
  const file = machinePath(node, 'upper', path)
  await rm(file, { force: true })
  await writeFile(file, content, { mode })
  await chmod(file, mode)
  await chown(file, owner.uid, owner.gid)
}

async function ownDirectory(node: Node, rootfs: string, path: string): Promise<{ uid: number; gid: number }> {
  const directory = machinePath(node, 'upper', path)
  const parent = path === '.' ? undefined : await ownDirectory(node, rootfs, dirname(path))
  // One that the root filesystem lacks (.ssh) belongs to whom its parent belongs to.
  const like = await stat(join(rootfs, path)).catch(() => ({
    uid: parent?.uid ?? 0,
    gid: parent?.gid ?? 0,
    mode: 0o700,
  }))
  await mkdir(directory, { recursive: true })
  await chown(directory, like.uid, like.gid)
  await chmod(directory, like.mode & 0o7777)
  return like
}
