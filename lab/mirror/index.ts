/**
 * The lab's mirror: release archives under their publishers' names, and container images. What the machines take from
 * here is built on this computer, as docs/decisions/0006-the-lab-mirror.md says.
 */
import { join } from 'node:path'
import { labPath, MIRROR_PORT, PUBLIC } from '../config.ts'
import { LabError } from '../errors.ts'
import { startDaemon, waitFor } from '../processes.ts'
import { listens } from '../reachable.ts'
import { buildMirror, labKey, siteOf } from './build.ts'
import { fingerprintOf } from './key.ts'
import { PROGRAMS } from './programs.ts'
import { REGISTRY, startRegistry } from './registry.ts'

type Log = (line: string) => void

/** What the lab's inventory needs to know of the mirror. */
export type Mirror = {
  /** For `downloads.mirror`. */
  readonly url: string
  /** For `downloads.keys.hashicorp`. */
  readonly fingerprint: string
  /** As image names begin, and for Docker's `insecure-registries`: `ADDRESS:PORT`. */
  readonly registry: string
}

const ofTheLab = PROGRAMS.filter(({ use }) => use === 'lab')

/** What the inventory has to say so that everything comes from here. */
export async function labMirror(): Promise<Mirror> {
  return {
    url: `http://${PUBLIC.controller}:${MIRROR_PORT}`,
    fingerprint: fingerprintOf(await labKey()),
    registry: REGISTRY,
  }
}

/** Builds what is missing of what the machines get; with `all` also the other versions. */
export function ensureMirror(log: Log, { all = false }: { readonly all?: boolean } = {}): Promise<void> {
  return buildMirror(all ? PROGRAMS : ofTheLab, log)
}

/** Serves what was built, on the controller's address; what is built later too. */
export async function startMirror(log: Log): Promise<void> {
  const key = await labKey()
  const program = join(import.meta.dirname, 'server.ts')
  const listen = [PUBLIC.controller, String(MIRROR_PORT)]
  const sites = PROGRAMS.map((one) => siteOf(one, key))
  await startDaemon('mirror', [process.execPath, program, ...listen, ...sites])
  if (!(await waitFor(() => listens(PUBLIC.controller, MIRROR_PORT, 500), 10)))
    throw new LabError('lab: the mirror does not listen', { hint: `read ${labPath('mirror.log')}` })
  await startRegistry(log)
}
