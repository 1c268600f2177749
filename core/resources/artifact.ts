import { createHash } from 'node:crypto'
import { type Change, declare, pathIdentity, type Resource, type ResourceType, Unknown } from '../declare/resource.ts'
import { type ArtifactFormat, checkArtifact, formatOf } from './shared/artifact-declared.ts'
import { artifactScript, type Installation, type Source } from './shared/artifact-script.ts'
import { lookAtStamps, parseStamps, type Stamp } from './shared/artifact-stamp.ts'
import { nameOf } from './shared/declared.ts'
import { type Ownership, type OwnershipOptions, ownershipChanges, ownershipOf } from './shared/ownership.ts'
import { checkSeconds } from './shared/seconds.ts'

/** A pinned download. Mode: default `'0755'`, of each file that is installed. */
export type ArtifactOptions = OwnershipOptions &
  Readonly<{
    /** Whose path ends with `.zip`, `.tgz` or `.tar` with any compression; else it is the file itself. */
    url: string
    /** Of what is downloaded; hex. */
    sha256: string
    /** A file, or a directory with a final `/`, such as `/opt/cni/bin/`. The directory must exist. */
    to: string
    /** The file in the archive, such as `build/dataplaneapi`. Without it all of them are installed, below a directory. */
    member?: string
    /** How many leading directories of their names are left out, where all are installed. Default 0. */
    strip?: number
    /**
     * Who downloads: the host, or the controller, which keeps it in its cache and sends it to hosts that reach no
     * network. Default `host`.
     */
    by?: 'host' | 'controller'
    /** How long the download may take. Default `'600s'`. */
    deadline?: `${number}s`
    /** True: each probe hashes the files, instead of trusting inode, size and time. Default false. */
    paranoid?: boolean
  }>

export type ArtifactWant = Ownership &
  Readonly<{
    url: string
    sha256: string
    format: ArtifactFormat
    to: string
    member: string | undefined
    strip: number
    by: 'host' | 'controller'
    deadline: number
    paranoid: boolean
  }>

// An id is NAME PATH; no name holds a space.
const artifactNameOf = (id: string): string => id.slice(0, id.indexOf(' '))
const pathOf = (id: string): string => id.slice(id.indexOf(' ') + 1)

export const artifactType: ResourceType<ArtifactWant, Stamp> = {
  name: 'artifact',
  identity: (id) => (id.endsWith('/') ? `artifact:${artifactNameOf(id)}` : pathIdentity(pathOf(id))),
  // a file and a directory of one name would share a stamp
  partOf: (id) => (id.endsWith('/') ? `files:${pathOf(id)}` : `artifact:${artifactNameOf(id)}`),
  probe: (all) =>
    lookAtStamps(all.map(({ id, want }) => ({ name: artifactNameOf(id), to: want.to, hash: want.paranoid }))),
  parse: (output, all) => {
    const looks = all.map(({ id, want }) => ({ name: artifactNameOf(id), to: want.to, hash: want.paranoid }))
    const stamps = parseStamps('artifact', output, looks)
    return new Map(all.map(({ id }, index) => [id, stamps[index] as Stamp]))
  },
  diff: (want, have) => {
    const content = contentChanges(want, have)
    return content.length > 0 ? content : ownerChanges(want, have)
  },
  apply: async ({ id, want, have, changes, upload }) => {
    const name = artifactNameOf(id)
    const owned = !Unknown.is(have) && changes.every(({ property }) => ['owner', 'group', 'mode'].includes(property))
    const here = want.by === 'controller' && !owned
    const source = here ? await fromController(want, upload) : ({ kind: 'url' } as const)
    const installation: Installation = { ...want, name, header: headerOf(want) }
    return artifactScript(installation, source)
  },
  inputs: (id) => [`/var/lib/caravan/artifacts/${artifactNameOf(id)}`],
}

/**
 * A pinned, verified download: a binary from an archive, all files of one, or a bare file. Nothing is written in place
 * until the sha256 is right. What was installed is known by a stamp, and not hashed in each run; without the stamp, or
 * when a file is not the one that was installed, it is installed again. Files of an older version that the new one has
 * not are left alone. A service that restarts on it does so when the stamp changes.
 * @throws DeclarationError
 */
export const artifact = (name: string, options: ArtifactOptions): Resource<ArtifactWant> => {
  const resource = `artifact ${name}`
  checkArtifact(resource, name, options)
  const { url, sha256, to, member, strip = 0, by = 'host', deadline = '600s', paranoid = false } = options
  return declare(artifactType, `${name} ${to}`, {
    ...ownershipOf(resource, options, '0755'),
    url,
    sha256: sha256.toLowerCase(),
    format: formatOf(url),
    to,
    member,
    strip,
    by,
    deadline: checkSeconds(resource, 'deadline', deadline),
    paranoid,
  })
}

const headerOf = ({ sha256, to, member, strip }: ArtifactWant): string => {
  const layout = createHash('sha256')
    .update(JSON.stringify([to, member, strip]))
    .digest('hex')
    .slice(0, 16)
  return `caravan-artifact 1 ${sha256} ${layout}`
}

// Few runs install anything, so that what it takes is loaded then.
const fromController = async (
  want: ArtifactWant,
  upload: (content: Uint8Array) => Promise<string>,
): Promise<Source> => {
  const { obtain } = await import('../artifacts/cache.ts')
  const content = await obtain(want)
  if (want.format === 'tar') return { kind: 'archive', path: await upload(content) }
  const { filesOf } = await import('../artifacts/files.ts')
  const files: { path: string; sha256: string; name: string }[] = []
  for (const { name, content: bytes } of filesOf(content, { ...want, format: want.format }))
    files.push({ path: await upload(bytes), sha256: createHash('sha256').update(bytes).digest('hex'), name })
  return { kind: 'files', files }
}

const contentChanges = (want: ArtifactWant, { header, url, files, present }: Stamp): readonly Change[] => {
  const to = nameOf(want.url)
  if (header === undefined) return [{ property: 'state', from: present ? 'of unknown origin' : 'absent', to }]
  const [, , sha256 = ''] = header.split(' ')
  if (sha256 !== want.sha256)
    return [
      {
        property: 'archive',
        from: `${nameOf(url)}, sha256 ${sha256.slice(0, 12)}`,
        to: `${to}, sha256 ${want.sha256.slice(0, 12)}`,
      },
    ]
  if (header !== headerOf(want)) return [{ property: 'place', from: 'installed otherwise', to: want.to }]
  const changed = files.filter(({ same }) => !same)
  if (changed.length === 0 && files.length > 0) return []
  const [first] = changed
  const from = first === undefined ? 'no files' : `${first.path} ${first.state ? 'was changed' : 'is gone'}`
  return [{ property: 'content', from: changed.length > 1 ? `${from}, and ${changed.length - 1} more` : from, to }]
}

const ownerChanges = (want: ArtifactWant, { files }: Stamp): readonly Change[] => {
  const all = files.flatMap(({ state }) => (state === undefined ? [] : ownershipChanges(want, state)))
  return ['owner', 'group', 'mode'].flatMap((property) => all.find((change) => change.property === property) ?? [])
}
