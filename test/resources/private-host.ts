import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ExecutionContext } from 'ava'
import type { World } from './law.ts'
import { sh } from './sh.ts'

// Everything that a fragment may write to lands in memory; the network is empty.
const SETUP = `
set -e
mount -t tmpfs tmpfs /mnt
for part in etc var usr; do
  mkdir -p /mnt/new/$part /mnt/work/$part
  mount -t overlay overlay -o "lowerdir=/$part,upperdir=/mnt/new/$part,workdir=/mnt/work/$part" /$part
done
mount -t tmpfs tmpfs /run
echo ready
exec sleep 600`

/**
 * This computer with mounts and a network of its own, so that users, packages and kernel settings can be changed for
 * real and are gone afterwards. Undefined, and said so, where that cannot be: it takes root and overlayfs.
 */
export const privateHost = async (t: ExecutionContext): Promise<World | undefined> => {
  const skip = (why: string): undefined => {
    t.log(`skipped: ${why}`)
    t.pass()
  }
  if (process.getuid?.() !== 0) return skip('a private host takes root')
  const child = spawn('/bin/sh', ['-c', 'exec unshare --mount --net --propagation private sh -c "$0"', SETUP])
  t.teardown(() => void child.kill('SIGKILL'))
  const complaints: Buffer[] = []
  child.stderr.on('data', (piece: Buffer) => complaints.push(piece))
  await Promise.race([once(child.stdout, 'data'), once(child, 'error'), once(child, 'exit')])
  if (child.exitCode !== null || child.pid === undefined) return skip(`no private host: ${Buffer.concat(complaints)}`)
  const options = { inside: child.pid }
  const snapshot = async (times: boolean) => (await sh(times ? TOUCHED : CONTENT, options)).stdout.split('\n')
  return { options, snapshot }
}

// What apt, dpkg and shadow write each time: logs, locks, caches, and backups of what they replace.
const CONTENT = `
cd /mnt/new
files() {
  find . -type f ! -path './var/log/*' ! -path './var/cache/*' ! -name '*lock*' ! -name '*-' ! -name '*-old' "$@" | sort
}
files -printf '%p %m %u:%g\\n'
files -exec sha256sum {} +
cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/ip_local_port_range`

const TOUCHED = "find /mnt/new -printf '%p %y %m %u:%g %i %s %T@ %C@\\n' | sort"
