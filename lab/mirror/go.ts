/** The `go` client, by its ordinary ways: modules come from its proxy, and their sums are in the repository. */
import { join } from 'node:path'
import { LabError } from '../errors.ts'
import { attempt, isExecutable, run } from '../shell.ts'
import { ARCH } from './paths.ts'

/** The newest that a module asks for. */
const LEAST = { major: 1, minor: 25 }

// Where Go's own archive and Debian's packages put it, for those who have it not in their PATH.
const PLACES = ['/usr/local/go/bin', '/usr/lib/go/bin']

export type GoBuild = {
  /** Directory of the module that is built in. */
  readonly module: string
  readonly package: string
  /** Path of the program. */
  readonly output: string
  readonly cgo: boolean
  readonly tags: readonly string[]
  readonly ldflags: readonly string[]
}

/** @throws LabError with the last lines of the compiler. */
export async function goBuild({ module, package: path, output, cgo, tags, ldflags }: GoBuild): Promise<void> {
  // Statically, also with cgo: else it would want this computer's libc, which may be newer than the machines'.
  const linked = cgo ? [...ldflags, '-linkmode external -extldflags -static'] : ldflags
  const tagged = cgo ? [...tags, 'netgo', 'osusergo'] : tags
  const settings = ['GOFLAGS=-mod=readonly', 'GOWORK=off', 'GOOS=linux', `GOARCH=${ARCH}`, `CGO_ENABLED=${cgo ? 1 : 0}`]
  const { code, stderr } = await attempt([
    ...['env', `--chdir=${module}`, ...settings, 'nice', goProgram()],
    ...['build', '-trimpath', '-buildvcs=false', '-tags', tagged.join(','), '-ldflags', linked.join(' ')],
    ...['-o', output, path],
  ])
  if (code === 0) return
  const reason = stderr.trim().split('\n').slice(-LINES).join('\n')
  throw new LabError(`lab: go build ${path} failed in ${module}`, { detail: reason })
}

/** So many of the compiler's last lines tell what is wrong. */
const LINES = 5

/** @throws LabError when this computer has no `go`, or an old one. */
export async function requireGo(): Promise<void> {
  const said = await run([goProgram(), 'env', 'GOVERSION'])
  const [, major = 0, minor = 0] = /^go(\d+)\.(\d+)/.exec(said) ?? []
  if (Number(major) > LEAST.major || (Number(major) === LEAST.major && Number(minor) >= LEAST.minor)) return
  throw new LabError(`lab: it builds the programs of its machines with Go, but this is ${said.trim()}`, { hint: HINT })
}

const HINT = `put go ${LEAST.major}.${LEAST.minor} or newer into PATH; Debian 12 has it not, so take it from https://go.dev/dl`

function goProgram(): string {
  const directories = [...(process.env.PATH ?? '').split(':'), ...PLACES]
  const found = directories.map((directory) => join(directory, 'go')).find(isExecutable)
  if (found) return found
  throw new LabError('lab: it builds the programs of its machines with Go, but there is no go in PATH', { hint: HINT })
}
