/** Files of Debian's packages without installing them: a package may start a service that nobody asked for. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { RELEASE } from '../apt-sources.ts'
import { LabError } from '../errors.ts'
import { attempt, run } from '../shell.ts'
import { mirrorPath } from './paths.ts'

/**
 * Unpacks a package of this computer's Debian 12 into the cache, once, and returns its root directory.
 * @throws LabError when apt does not give it.
 */
export async function debianPackage(name: string, log: (line: string) => void): Promise<string> {
  const root = mirrorPath('debian', name)
  if (existsSync(root)) return root
  log(`unpacking Debian's ${name}`)
  const work = `${root}.new`
  await rm(work, { recursive: true, force: true })
  await mkdir(work, { recursive: true })
  const sandbox = ['-o', 'APT::Sandbox::User=root'] // whose home may be closed to apt's own user
  // Debian 12's, also where this computer's apt prefers another release.
  const download = ['env', `--chdir=${work}`, 'apt-get', '-q', ...sandbox, 'download', `${name}/${RELEASE}`]
  if ((await attempt(download)).code !== 0) {
    await run(['apt-get', 'update', '-q'])
    await run(download)
  }
  const file = (await readdir(work)).find((entry) => entry.endsWith('.deb'))
  if (!file) throw new LabError(`lab: apt-get gave no package ${name}`, { hint: 'apt-get update' })
  await run(['dpkg-deb', '--extract', join(work, file), join(work, 'root')])
  await rename(join(work, 'root'), root)
  await rm(work, { recursive: true })
  return root
}
