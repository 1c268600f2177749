/** Files of Debian's packages without installing them: a package may start a service that nobody asked for. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RELEASE } from '../apt-sources.ts'
import { LabError } from '../errors.ts'
import { attempt, run } from '../shell.ts'
import { once } from './once.ts'
import { mirrorPath } from './paths.ts'

/**
 * Unpacks a package of this computer's Debian 12 into the cache, once, and returns its root directory.
 * @throws LabError when apt does not give it.
 */
export function debianPackage(name: string, log: (line: string) => void): Promise<string> {
  return once(mirrorPath('debian', name), async (root) => {
    log(`unpacking Debian's ${name}`)
    const work = await mkdtemp(join(tmpdir(), 'caravan-debian-'))
    try {
      await download(name, work)
      const file = (await readdir(work)).find((entry) => entry.endsWith('.deb'))
      if (!file) throw new LabError(`lab: apt-get gave no package ${name}`, { hint: 'apt-get update' })
      await run(['dpkg-deb', '--extract', join(work, file), root])
    } finally {
      await rm(work, { recursive: true })
    }
  })
}

async function download(name: string, directory: string): Promise<void> {
  const sandbox = ['-o', 'APT::Sandbox::User=root'] // to whom the directory belongs
  // Debian 12's, also where this computer's apt prefers another release.
  const get = ['env', `--chdir=${directory}`, 'apt-get', '-q', ...sandbox, 'download', `${name}/${RELEASE}`]
  if ((await attempt(get)).code === 0) return
  await run(['apt-get', 'update', '-q'])
  await run(get)
}
