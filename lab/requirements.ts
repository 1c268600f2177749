/** The programs that the lab needs on this computer. */
import { join } from 'node:path'
import { LabError } from './errors.ts'
import { attempt, isExecutable, run, SYSTEM } from './shell.ts'

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
  ['zip', 'zip'],
  ['tar', 'tar'],
  ['gzip', 'gzip'],
  ['gcc', 'gcc'],
  ['gencat', 'libc6-dev'], // of libc-dev-bin, which it brings
])

/** @throws LabError, which also says what is to be installed, when this is not root's process. */
export function requireRoot(): void {
  if (process.getuid?.() === 0) return
  const missing = missingPackages()
  const also = missing.length > 0 ? `, and these packages: ${missing.join(', ')}` : ''
  throw new LabError(`lab: it makes namespaces and mounts, so it needs root${also}`, { hint: 'the same with sudo' })
}

/**
 * Installs what is missing with apt-get.
 * @throws LabError when apt-get fails.
 */
export async function ensureRequirements(log: (line: string) => void): Promise<void> {
  const missing = missingPackages()
  if (missing.length === 0) return
  log(`installing ${missing.join(', ')} with apt-get`)
  const install = withoutQuestions('apt-get', 'install', '-y', '-q', '--no-install-recommends', ...missing)
  if ((await attempt(install)).code === 0) return
  await run(withoutQuestions('apt-get', 'update', '-q'))
  await run(install)
}

function withoutQuestions(...argv: string[]): string[] {
  return ['env', 'DEBIAN_FRONTEND=noninteractive', ...argv]
}

function missingPackages(): readonly string[] {
  return [...new Set([...PROGRAMS].filter(([program]) => !isInstalled(program)).map(([, name]) => name))]
}

function isInstalled(program: string): boolean {
  return SYSTEM.split(':').some((directory) => isExecutable(join(directory, program)))
}
