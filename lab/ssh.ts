/** The lab's own way into its machines: no agent, no configuration of the user's, host keys checked. */
import { writeFile } from 'node:fs/promises'
import { labPath, type Node } from './config.ts'
import { hostKey, withoutComment } from './keys.ts'
import { attempt, type Ran } from './shell.ts'

/** Runs a command line on a machine as root. */
export async function ssh(node: Node, command: string): Promise<Ran> {
  return attempt(['ssh', ...sshOptions(), '-o', 'BatchMode=yes', `root@${node.address}`, command])
}

/** The options before `USER@ADDRESS`. */
export function sshOptions(): string[] {
  const options = [
    `IdentityFile=${labPath('id_ed25519')}`,
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    `UserKnownHostsFile=${labPath('known_hosts')}`,
    'GlobalKnownHostsFile=/dev/null',
    'StrictHostKeyChecking=yes',
    'ConnectTimeout=10',
    'LogLevel=ERROR',
  ]
  return ['-F', 'none', ...options.flatMap((option) => ['-o', option])]
}

/** Writes which machine shows which key, for `sshOptions`. */
export async function writeKnownHosts(nodes: readonly Node[]): Promise<void> {
  const lines = await Promise.all(
    nodes.map(async (node) => `${node.address} ${withoutComment((await hostKey(node)).public)}\n`),
  )
  await writeFile(labPath('known_hosts'), lines.join(''))
}
