/** Archives that come out the same each time: sorted, without owners, and of one date. */
import { chmod, lutimes, mkdir, readdir, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { run } from '../shell.ts'

// Zip knows no time before 1980.
const DATE = new Date('2000-01-01T00:00:00Z')

/**
 * Packs the files of a directory into `archive`, a zip or a compressed tar by its name. `below` is the directory that
 * they have in it, if any.
 */
export async function pack(directory: string, archive: string, below = ''): Promise<void> {
  await mkdir(dirname(archive), { recursive: true })
  const part = join(dirname(archive), `.part.${basename(archive)}`) // zip adds .zip to what has no such ending
  // -n: no date of its own.
  await run(
    archive.endsWith('.zip')
      ? await zip(directory, part)
      : tar(directory, part, below, '--use-compress-program=gzip -n'),
  )
  await rename(part, archive)
}

/** Packs a directory into an uncompressed tar. */
export async function packLayer(directory: string, archive: string): Promise<void> {
  await run(tar(directory, archive, '', '--format=gnu'))
}

async function zip(directory: string, archive: string): Promise<string[]> {
  const paths = (await readdir(directory)).sort().map((name) => join(directory, name))
  for (const path of paths) {
    await chmod(path, 0o755)
    await lutimes(path, DATE, DATE)
  }
  // -X: no owners and no times beside the one, which is in local time. -j: no directories.
  return ['env', 'TZ=UTC', 'zip', '-q', '-X', '-j', archive, ...paths]
}

function tar(directory: string, archive: string, below: string, ...how: string[]): string[] {
  return [
    ...['tar', '--create', `--file=${archive}`, ...how],
    ...['--sort=name', '--owner=0', '--group=0', '--numeric-owner', `--mtime=@${DATE.getTime() / 1000}`],
    ...(below ? [`--transform=s,^\\./,./${below}/,`] : []),
    ...[`--directory=${directory}`, '.'],
  ]
}
