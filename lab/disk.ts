/** A machine's disk: what differs from the root filesystem that all machines share. */
import { randomUUID } from 'node:crypto'
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { labPath, type Node } from './config.ts'
import { clientKey, hostKey } from './keys.ts'

/** A path in the directory of a machine. */
export function machinePath(node: Node, ...parts: string[]): string {
  return labPath('machines', node.name, ...parts)
}

/** The root filesystem that the machine's disk lies over; empty when it has no disk. */
export function rootfsOf(node: Node): Promise<string> {
  return readFile(machinePath(node, 'rootfs'), 'utf8').catch(() => '')
}

/** What makes a machine of the shared root filesystem: its name, its keys, who may log in. */
export async function makeDisk(node: Node, rootfs: string): Promise<void> {
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
