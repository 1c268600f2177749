/** One machine of the lab: its power switch, and whether it answers. */
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CONTROLLER_LINK, labDir, type Node, PREFIX, PRIVATE, PUBLIC, ROUTER } from './config.ts'
import { machinePath, makeDisk, rootfsOf } from './disk.ts'
import { LabError } from './errors.ts'
import { daemonPid, startDaemon, waitFor } from './processes.ts'
import { greets } from './reachable.ts'
import { attempt } from './shell.ts'
import { ssh } from './ssh.ts'

const script = join(import.meta.dirname, 'machine.sh')
const supervisor = (node: Node) => join('machines', node.name, 'supervisor')

export function isOn(node: Node): boolean {
  return daemonPid(supervisor(node)) !== undefined
}

/**
 * Turns a machine on, with a new disk if it has none. Does not wait until it has booted.
 * @throws LabError when the root filesystem below its disk has left the cache.
 */
export async function turnOn(node: Node, rootfs: string): Promise<void> {
  if (isOn(node)) return
  if (!(await rootfsOf(node))) await makeDisk(node, rootfs)
  const below = await rootfsOf(node)
  if (!existsSync(below)) {
    throw new LabError(`lab: ${node.name}: what its disk lies over is gone: ${below}`, {
      hint: `npx zx playbooks/lab.mjs reset ${node.name}`,
    })
  }
  await startDaemon(supervisor(node), ['sh', script, 'run'], await settings(node))
}

/** Shuts a machine down in order; pulls its plug when that takes longer than 30 s. */
export async function turnOff(node: Node): Promise<void> {
  const pid = daemonPid(supervisor(node))
  if (pid) {
    process.kill(pid, 'SIGTERM')
    if (await waitFor(() => !isOn(node), 30)) return
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

async function boots(node: Node): Promise<number> {
  return (await readFile(machinePath(node, 'boots'), 'utf8').catch(() => '')).length
}

async function settings(node: Node): Promise<Record<string, string>> {
  return {
    PREFIX,
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
