/** The programs that the lab needs on this computer. */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { LabError } from './errors.ts'
import { attempt, run } from './shell.ts'

/** Program → the Debian package that has it. */
const PROGRAMS: ReadonlyMap<string, string> = new Map([
  ['mmdebstrap', 'mmdebstrap'],
  ['systemd-nspawn', 'systemd-container'],
  ['dnsmasq', 'dnsmasq-base'],
  ['nft', 'nftables'],
  ['ip', 'iproute2'],
  ['ss', 'iproute2'],
  ['sysctl', 'procps'],
  ['nsenter', 'util-linux'],
  ['ssh', 'openssh-client'],
])

/**
 * Installs what is missing with apt-get.
 * @throws LabError when this is not root's process, or when apt-get fails.
 */
export async function ensureRequirements(log: (line: string) => void): Promise<void> {
  const missing = [...PROGRAMS].filter(([program]) => !isInstalled(program)).map(([, name]) => name)
  const packages = [...new Set(missing)]
  if (process.getuid?.() !== 0) {
    const also = packages.length > 0 ? `, and ${packages.join(', ')} installed` : ''
    throw new LabError(`lab: it makes namespaces and mounts, so it needs root${also}`, { hint: 'sudo' })
  }
  if (packages.length === 0) return
  log(`installing ${packages.join(', ')} with apt-get`)
  const install = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...packages]
  if ((await attempt(NO_QUESTIONS(install))).code === 0) return
  await run(NO_QUESTIONS(['apt-get', 'update', '-q']))
  await run(NO_QUESTIONS(install))
}

const NO_QUESTIONS = (argv: readonly string[]) => ['env', 'DEBIAN_FRONTEND=noninteractive', ...argv]

function isInstalled(program: string): boolean {
  // Not only PATH: a user's, kept by sudo, may lack the sbin directories.
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin']
  return directories.some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
