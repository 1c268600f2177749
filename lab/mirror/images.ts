/** The images of the lab: what a group of containers needs, and one to look around from inside a container. */
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../shell.ts'
import { packLayer } from './archive.ts'
import { debianPackage } from './debian.ts'
import { goBuild } from './go.ts'
import { type Image, imageOf } from './image.ts'
import { once } from './once.ts'
import { ARCH, hashOf, mirrorPath } from './paths.ts'

type Log = (line: string) => void

/** Waits for signals, as Kubernetes' `pause` does. */
export async function pauseImage(): Promise<Image> {
  const source = join(import.meta.dirname, 'images', 'pause')
  const layer = await layerOf(`pause-${hashOf(source, ARCH)}`, async (root) => {
    const go = { cgo: false, tags: [], ldflags: ['-s', '-w'] }
    await goBuild({ module: source, package: '.', output: join(root, 'pause'), ...go })
  })
  return imageOf({ name: 'pause', tag: '3.9', layer, entrypoint: ['/pause'] })
}

/** Debian's static busybox: `nslookup`, `wget`, `nc` and a shell. */
export async function busyboxImage(log: Log): Promise<Image> {
  const unpacked = await debianPackage('busybox-static', log)
  const layer = await layerOf('busybox', async (root) => {
    const busybox = join(root, 'bin', 'busybox')
    for (const directory of ['bin', 'etc', 'tmp']) await mkdir(join(root, directory))
    await chmod(join(root, 'tmp'), 0o1777)
    await copyFile(join(unpacked, 'bin', 'busybox'), busybox)
    const applets = (await run([busybox, '--list'])).split('\n').filter((name) => name && name !== 'busybox')
    for (const name of applets) await symlink('busybox', join(root, 'bin', name))
  })
  return imageOf({ name: 'busybox', tag: 'lab', layer, command: ['sh'] })
}

/** What stands in for CrateDB, whose own image only its vendor has; the check of its job calls it `curl`. */
export async function crateStandInImage(): Promise<Image> {
  const source = join(import.meta.dirname, 'images', 'crate-stand-in')
  const layer = await layerOf(`crate-stand-in-${hashOf(source, ARCH)}`, async (root) => {
    const go = { cgo: false, tags: [], ldflags: ['-s', '-w'] }
    for (const directory of ['bin', 'data', 'tmp', 'crate']) await mkdir(join(root, directory))
    await goBuild({ module: source, package: '.', output: join(root, 'bin', 'crate-stand-in'), ...go })
    await symlink('crate-stand-in', join(root, 'bin', 'curl'))
  })
  return imageOf({ name: 'crate-stand-in', tag: '1', layer, entrypoint: ['/bin/crate-stand-in'] })
}

/** A tar in the cache, made once of the directory that `fill` fills. */
function layerOf(name: string, fill: (root: string) => Promise<void>): Promise<string> {
  return once(mirrorPath('layers', `${name}.tar`), async (layer) => {
    const root = await mkdtemp(join(tmpdir(), 'caravan-layer-'))
    try {
      await chmod(root, 0o755)
      await fill(root)
      await packLayer(root, layer)
    } finally {
      await rm(root, { recursive: true })
    }
  })
}
