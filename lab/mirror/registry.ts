/** Debian's registry of container images, on the controller's address. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { labPath, PUBLIC, REGISTRY_PORT } from '../config.ts'
import { LabError } from '../errors.ts'
import { startDaemon, waitFor } from '../processes.ts'
import { listens } from '../reachable.ts'
import { debianPackage } from './debian.ts'
import { busyboxImage, crateStandInImage, pauseImage } from './images.ts'
import { mirrorPath } from './paths.ts'
import { push } from './push.ts'

/** As image names begin: `ADDRESS:PORT`. */
export const REGISTRY = `${PUBLIC.controller}:${REGISTRY_PORT}`

/** Starts the registry, unless it runs, and sees to it that it has the lab's images. */
export async function startRegistry(log: (line: string) => void): Promise<void> {
  const storage = mirrorPath('registry')
  await mkdir(storage, { recursive: true })
  await writeFile(labPath('registry.yaml'), registryConfig(REGISTRY, storage))
  const program = join(await debianPackage('docker-registry', log), 'usr', 'bin', 'docker-registry')
  await startDaemon('registry', [program, 'serve', labPath('registry.yaml')], { OTEL_TRACES_EXPORTER: 'none' })
  if (!(await waitFor(() => listens(PUBLIC.controller, REGISTRY_PORT, 500), 10)))
    throw new LabError('lab: the image registry does not listen', { hint: `read ${labPath('registry.log')}` })
  const images = [await pauseImage(), await busyboxImage(log), await crateStandInImage()]
  for (const image of images) await push(`http://${REGISTRY}`, image)
}

/** Source: https://distribution.github.io/distribution/about/configuration/ */
function registryConfig(address: string, storage: string): string {
  return stringify({
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage } },
    http: { addr: address },
  })
}
