import { readFileSync } from 'node:fs'
import { type Change, declare, pathIdentity, type Resource, type ResourceType } from '../declare/resource.ts'
import { DeclarationError } from '../errors.ts'
import { aptUpdate } from './shared/apt-update.ts'
import { wrong } from './shared/declared.ts'
import { lookAt, type PathState, parseLook, sha256Of } from './shared/observe.ts'
import { fingerprintsOf, isArmored } from './shared/openpgp.ts'
import { type Ownership, ownershipChanges } from './shared/ownership.ts'
import { replaceFile } from './shared/replace.ts'

/** The key that signs a repository. Exactly one of `content` and `source`. */
export type RepositoryKey = Readonly<{
  /** An OpenPGP keyring: text in armor, or bytes. */
  content?: string | Uint8Array
  /** A file on this computer that holds it, relative to the working directory. */
  source?: string
  /** The 40 (or 64) hexadecimal digits that the owner of the repository publishes; spaces do not count. */
  fingerprint: string | readonly string[]
}>

/** Source: sources.list(5), "deb822-style format" */
export type RepositoryOptions = Readonly<{
  /** Such as `['https://apt.releases.hashicorp.com']`. */
  uris: readonly string[]
  /** Such as `['bookworm']`; one that ends with `/` is a path and has no components. */
  suites: readonly string[]
  /** Such as `['main']`. */
  components?: readonly string[]
  /** As dpkg names them. Default: those of the host. */
  architectures?: readonly string[]
  key: RepositoryKey
}>

type Content = Readonly<{ path: string; content: Uint8Array }>
export type RepositoryWant = Readonly<{ sources: Content; keyring: Content }>
export type RepositoryHave = Readonly<{ sources: PathState; keyring: PathState }>

const OWNERSHIP: Ownership = { owner: 'root', group: 'root', mode: '0644' }
// Bytes of a source that differs, for the diff.
const LIMIT = 64 * 1024

const sourcesOf = (name: string): string => `/etc/apt/sources.list.d/${name}.sources`

export const aptRepositoryType: ResourceType<RepositoryWant, RepositoryHave> = {
  name: 'aptRepository',
  identity: (name) => pathIdentity(sourcesOf(name)),
  probe: (all) =>
    lookAt(
      all.flatMap(({ want }) =>
        [want.sources, want.keyring].map(({ path, content }) => ({ path, wanted: sha256Of(content) })),
      ),
      LIMIT,
    ),
  parse: (output, all) => {
    const states = parseLook('aptRepository', output, all.length * 2, LIMIT)
    const at = (index: number): PathState => states[index] as PathState
    return new Map(all.map(({ id }, index) => [id, { sources: at(index * 2), keyring: at(index * 2 + 1) }]))
  },
  diff: (want, have) => [
    ...partChanges('key', want.keyring, have.keyring),
    ...partChanges('source', want.sources, have.sources),
  ],
  apply: async ({ want, upload }) => {
    const put = async (part: Content) => ({ ...part, put: await replaceFile({ ...OWNERSHIP, ...part }, upload) })
    return aptUpdate(await put(want.keyring), await put(want.sources))
  },
  inputs: (name) => [sourcesOf(name)],
}

/**
 * A repository of packages: `/etc/apt/sources.list.d/NAME.sources`, and its key in `/etc/apt/keyrings`, which is
 * trusted for this repository alone. The key is checked here, before anything is written anywhere. The source is
 * written once apt could read the repository and its signature was good; a repository that does not answer fails.
 * @throws DeclarationError, among others for a key that has another fingerprint than the one that was asked for.
 */
export const aptRepository = (name: string, options: RepositoryOptions): Resource<RepositoryWant> => {
  const resource = `aptRepository ${name}`
  // apt skips files with other names
  if (!/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$/.test(name))
    throw wrong(resource, 'its name must be letters, digits, "-", "_" and "."')
  const key = keyOf(resource, options.key)
  const keyring = `/etc/apt/keyrings/${name}.${isArmored(key) ? 'asc' : 'gpg'}`
  const sources = Buffer.from(sourceText(resource, options, keyring))
  return declare(aptRepositoryType, name, {
    keyring: { path: keyring, content: key },
    sources: { path: sourcesOf(name), content: sources },
  })
}

const keyOf = (resource: string, { content, source, fingerprint }: RepositoryKey): Uint8Array => {
  if ((content === undefined) === (source === undefined))
    throw wrong(resource, 'exactly one of content and source of the key must be given')
  try {
    const key = Buffer.from(content ?? readFileSync(source ?? ''))
    const expected = [fingerprint].flat().map((one) => one.replaceAll(/\s/g, '').toUpperCase())
    if (expected.length === 0 || expected.some((one) => !/^([0-9A-F]{40}|[0-9A-F]{64})$/.test(one)))
      throw wrong(resource, 'a fingerprint is 40 hexadecimal digits', 'a short key id can be forged')
    checkFingerprints(resource, expected, fingerprintsOf(key))
    return key
  } catch (error) {
    if (error instanceof DeclarationError) throw error
    throw wrong(resource, `its key cannot be used: ${error instanceof Error ? error.message : error}`)
  }
}

// Every primary key in the keyring is trusted, so each must have been asked for.
const checkFingerprints = (resource: string, expected: readonly string[], found: readonly string[]): void => {
  const same = found.every((one) => expected.includes(one)) && expected.every((one) => found.includes(one))
  if (!same)
    throw wrong(
      resource,
      `its key has the fingerprint ${found.join(' and ')}, and not ${expected.join(' and ')}`,
      'compare it with what the owner of the repository publishes; do not just copy it from here',
    )
}

const sourceText = (resource: string, options: RepositoryOptions, keyring: string): string => {
  const { uris, suites, components = [], architectures = [] } = options
  const check = (what: string, all: readonly string[], pattern: RegExp): string => {
    const odd = all.find((one) => !pattern.test(one))
    if (odd !== undefined) throw wrong(resource, `${JSON.stringify(odd)} is not one of ${what}`)
    return all.join(' ')
  }
  if (uris.length === 0 || suites.length === 0) throw wrong(resource, 'it needs at least one URI and one suite')
  if ((components.length === 0) !== suites.every((suite) => suite.endsWith('/')))
    throw wrong(resource, 'suites have components, unless they are paths, which end with / and have none')
  const fields = [
    ['Types', 'deb'],
    ['URIs', check('uris', uris, /^(https?|file):\/[\x21-\x7e]+$/)],
    ['Suites', check('suites', suites, /^[A-Za-z0-9.:~+_/-]+$/)],
    ['Components', check('components', components, /^[A-Za-z0-9.~+_/-]+$/)],
    ['Architectures', check('architectures', architectures, /^[a-z0-9][a-z0-9-]*$/)],
    ['Signed-By', keyring],
  ]
  return fields.map(([field, value]) => (value === '' ? '' : `${field}: ${value}\n`)).join('')
}

const partChanges = (property: string, want: Content, have: PathState): readonly Change[] => {
  const to = `sha256 ${sha256Of(want.content).slice(0, 12)}`
  if (have.kind === 'absent') return [{ property, from: 'absent', to, ...diffOf(property, want, '') }]
  if (have.kind !== 'file') return [{ property, from: have.kind, to }]
  if (have.sha256 !== sha256Of(want.content))
    return [
      {
        property,
        from: `sha256 ${have.sha256?.slice(0, 12)}`,
        to,
        ...diffOf(property, want, have.content?.toString()),
      },
    ]
  const others = ownershipChanges(OWNERSHIP, have)
  return others.map((change) => ({ property, from: `${change.property} ${change.from}`, to: change.to }))
}

const diffOf = (property: string, want: Content, from: string | undefined): Pick<Change, 'diff'> =>
  property === 'source' && from !== undefined ? { diff: { from, to: Buffer.from(want.content).toString() } } : {}
