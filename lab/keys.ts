/** Keys that the lab makes once and keeps over resets, so that nobody's known hosts go stale. */
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { labPath, type Node } from './config.ts'
import { run } from './shell.ts'

export type KeyPair = { readonly secret: string; readonly public: string }

/** The key that logs in to the machines. */
export function clientKey(): Promise<KeyPair> {
  return keyPair(labPath('id_ed25519'), 'caravan-lab')
}

/** What the machine's sshd shows. */
export function hostKey(node: Node): Promise<KeyPair> {
  return keyPair(labPath('keys', node.name), `root@${node.name}`)
}

async function keyPair(path: string, comment: string): Promise<KeyPair> {
  await mkdir(dirname(path), { recursive: true })
  if (!existsSync(path)) await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path])
  const [secret, shown] = await Promise.all([readFile(path, 'utf8'), readFile(`${path}.pub`, 'utf8')])
  return { secret, public: shown.trim() }
}

/** The public key without its comment: type and key, as known hosts and the inventory carry it. */
export function withoutComment(key: string): string {
  return key.split(' ').slice(0, 2).join(' ')
}
