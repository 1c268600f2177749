/** The root filesystem that all machines share, read-only: built once per recipe and kept in the cache. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { type AptSource, sourceLines } from './apt-sources.ts'
import { cacheDir, PROXY_PORT, PUBLIC } from './config.ts'
import { run } from './shell.ts'

const image = join(import.meta.dirname, 'image')

/** What a Hetzner image has and a minimal Debian has not. netplan.io brings python3 with it. */
const PACKAGES = [
  'systemd systemd-sysv systemd-resolved systemd-timesyncd libpam-systemd dbus udev',
  'openssh-server sudo netplan.io iproute2 iputils-ping netbase nftables',
  'kmod procps ca-certificates curl',
].flatMap((line) => line.split(' '))

/** apt settings of the build that stay in the image. The sources may be a frozen mirror, as this computer's are. */
const APT_OPTIONS = [
  `Acquire::http::Proxy "http://${PUBLIC.controller}:${PROXY_PORT}"`,
  'Acquire::Check-Valid-Until "false"',
  'Acquire::Check-Date "false"',
  'Acquire::Languages "none"',
]

/** Where the root filesystem for these apt sources is, or would be: the name is a hash of everything that shapes it. */
export async function rootfsPath(sources: readonly AptSource[]): Promise<string> {
  const hash = createHash('sha256')
  hash.update(JSON.stringify([PACKAGES, APT_OPTIONS, sourceLines(sources)]))
  for (const path of await filesBelow(image)) hash.update(path.slice(image.length)).update(await readFile(path))
  return join(cacheDir(), `rootfs-${hash.digest('hex').slice(0, 16)}`)
}

/** The root filesystem, built if the cache has none. Needs the apt proxy. */
export async function buildRootfs(sources: readonly AptSource[], log: (line: string) => void): Promise<string> {
  const path = await rootfsPath(sources)
  if (existsSync(path)) return path
  log('building the root filesystem (once; about half a minute)')
  const building = `${path}.building`
  await rm(building, { recursive: true, force: true })
  await mkdir(cacheDir(), { recursive: true })
  await run(debstrap(building), sourceLines(sources))
  await rename(building, path)
  return path
}

function debstrap(target: string): string[] {
  return [
    // Its mounts end with it, even when it is killed.
    'unshare',
    '--mount',
    'mmdebstrap',
    '--variant=minbase',
    '--mode=root',
    '--format=directory',
    `--include=${PACKAGES.join(',')}`,
    ...APT_OPTIONS.map((option) => `--aptopt=${option}`),
    `--customize-hook=sh '${join(image, 'customize.sh')}' "$1"`,
    'bookworm',
    target,
    '-',
  ]
}

// Days; other labs of this computer may use other recipes.
const KEPT = 7

/** Removes the root filesystems that no lab has used for a week; `used` are in use now. */
export async function pruneRootfs(used: readonly string[]): Promise<void> {
  const now = new Date()
  await Promise.all(used.filter((path) => existsSync(path)).map((path) => utimes(path, now, now)))
  const names = (await readdir(cacheDir())).filter((name) => name.startsWith('rootfs-'))
  for (const path of names.map((name) => join(cacheDir(), name))) {
    const { mtimeMs } = await stat(path)
    if (now.getTime() - mtimeMs > KEPT * 86_400_000) await rm(path, { recursive: true, force: true })
  }
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}
