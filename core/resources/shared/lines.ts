import { garbage } from './observe.ts'

/** The lines of each file that exists. */
export type FileLines = ReadonlyMap<string, readonly string[]>

/**
 * Prints the lines of small files in one process; those that cannot be read are left out. A shell's own `read` is no
 * way to read /proc/sys: dash reads byte by byte, and the kernel then gives the first byte alone.
 * `paths` must be made of safe characters without a colon, since they are printed.
 */
export const printLines = (paths: readonly string[]): string =>
  `status=0; LC_ALL=C timeout 10 grep -Hsa '' -- ${paths.join(' ')} || status=$?; [ $status -le 2 ]`

/** @throws ProbeError for a line of none of these files. */
export const parseLines = (type: string, output: string, paths: readonly string[]): FileLines => {
  const known = new Set(paths)
  const found = new Map<string, string[]>()
  for (const line of output.split('\n')) {
    if (line === '') continue
    const colon = line.indexOf(':')
    const path = known.has(line.slice(0, colon)) ? line.slice(0, colon) : garbage(type, line)
    found.set(path, [...(found.get(path) ?? []), line.slice(colon + 1)])
  }
  return found
}
