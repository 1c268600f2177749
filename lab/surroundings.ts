/** What the machines need around them before they can boot: a network, a way to apt, releases and images, a root filesystem. */
import { join } from 'node:path'
import { type AptSource, aptSources } from './apt-sources.ts'
import { cacheDir, labDir, labNodes, labPath, MAX_NODES, PROXY_PORT, PUBLIC } from './config.ts'
import { rootfsOf } from './disk.ts'
import { LabError } from './errors.ts'
import { pullPlug } from './machine.ts'
import { startMirror } from './mirror/index.ts'
import { startDaemon, waitFor } from './processes.ts'
import { listens } from './reachable.ts'
import { ensureRequirements } from './requirements.ts'
import { buildRootfs, pruneRootfs } from './rootfs.ts'
import { routerDown, routerOwner, routerUp } from './router.ts'

type Log = (line: string) => void

/** Sets up what is missing and returns the path of the root filesystem. */
export async function prepare(log: Log): Promise<string> {
  await ensureRequirements(log)
  const owner = routerOwner()
  if (owner && owner !== labDir()) await takeOver(owner, log)
  const sources = await aptSources()
  await routerUp()
  await startProxy(sources)
  await startMirror(log)
  const rootfs = await buildRootfs(sources, log)
  await pruneRootfs([rootfs, ...(await Promise.all(labNodes(MAX_NODES).map(rootfsOf)))])
  return rootfs
}

/** Ends the lab of another checkout, as there is one network for both: its machines lose power, their disks stay. */
async function takeOver(owner: string, log: Log): Promise<void> {
  log(`ending the lab of ${owner}, whose addresses this one needs`)
  await routerDown()
  await Promise.all(labNodes(MAX_NODES).map(pullPlug))
}

async function startProxy(sources: readonly AptSource[]): Promise<void> {
  const program = join(import.meta.dirname, 'apt-proxy.ts')
  const listen = [PUBLIC.controller, String(PROXY_PORT)]
  const urls = new Set(sources.map(({ url }) => url))
  await startDaemon('apt-proxy', [process.execPath, program, ...listen, join(cacheDir(), 'packages'), ...urls])
  if (await waitFor(() => listens(PUBLIC.controller, PROXY_PORT, 500), 10)) return
  throw new LabError('lab: the apt proxy does not listen', { hint: `read ${labPath('apt-proxy.log')}` })
}
