import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { type Change, declare, pathIdentity, type Resource, type ResourceType, Unknown } from '../declare/resource.ts'
import { hidden, isSecret, Secret } from '../secrets/secret.ts'
import { checkFilePath, wrong } from './shared/declared.ts'
import { type Absent, lookAt, type PathState, type Present, parseLook, sha256Of } from './shared/observe.ts'
import { type Ownership, type OwnershipOptions, ownershipChanges, ownershipOfFile } from './shared/ownership.ts'
import { mendOwnership, replaceFile, type Validation } from './shared/replace.ts'
import { checkValidation } from './shared/validation.ts'

/** What a file should be. Exactly one of `content` and `source`. Mode: default `'0644'`, of a secret `'0600'`. */
export type FileOptions = OwnershipOptions &
  Validation &
  Readonly<{
    /** Bytes, or text that is written as UTF-8. Of a secret nothing is ever shown. */
    content?: string | Uint8Array | Secret
    /** A file on this computer, relative to the working directory; read when the resource is declared. */
    source?: string
    /** True: the content is a secret, however it was given. Default false. */
    sensitive?: boolean
  }>

/** `sha256`: of what is no secret, since a short secret can be guessed from it. */
export type FileWant = Ownership &
  Validation &
  Readonly<{ content: Uint8Array; sha256: string } | { content: Secret; sha256: undefined }>

// Bytes up to which a file that differs is brought home with the probe, so that the plan can show a diff.
const DIFF_LIMIT = 64 * 1024

export const fileType: ResourceType<FileWant, PathState> = {
  name: 'file',
  identity: pathIdentity,
  probe: (all) =>
    lookAt(
      all.map(({ id, want }) => ({ path: id, wanted: want.sha256 })),
      DIFF_LIMIT,
    ),
  parse: (output, all) => {
    const states = parseLook('file', output, all.length, DIFF_LIMIT)
    return new Map(all.map(({ id }, index) => [id, states[index] as PathState]))
  },
  diff: (want, have) => {
    if (have.kind === 'absent') return [{ property: 'state', from: 'absent', to: 'present', ...diffOf(want, have) }]
    if (have.kind !== 'file') return [{ property: 'kind', from: have.kind, to: 'file' }]
    return [...contentChange(want, have), ...ownershipChanges(want, have)]
  },
  endsNothing: () => true,
  apply: ({ id, want, have, upload }) =>
    !Unknown.is(have) && have.kind === 'file' && have.sha256 === hashOf(want)
      ? mendOwnership(want, id)
      : replaceFile({ ...want, content: bytesOf(want), path: id }, upload),
  merge: (one, other) => (isDeepStrictEqual(one, other) ? one : undefined),
  inputs: (id) => [id],
  sensitive: ({ content }) => isSecret(content),
}

/**
 * A regular file with this content. Its directory must exist. A symbolic link or FIFO in its place is replaced;
 * anything else there fails the apply and is left alone.
 * @throws DeclarationError for a path that is not absolute or not in its shortest form, or a source that cannot be read.
 */
export const file = (path: string, options: FileOptions): Resource<FileWant> => {
  const resource = `file ${path}`
  checkFilePath('file', path)
  const content = contentOf(resource, options)
  return declare(fileType, path, {
    ...ownershipOfFile(resource, options, isSecret(content)),
    ...checkValidation(resource, path, options),
    ...(isSecret(content) ? { content, sha256: undefined } : { content, sha256: sha256Of(content) }),
  })
}

const contentOf = (resource: string, { sensitive = false, ...options }: FileOptions): Uint8Array | Secret => {
  if (isSecret(options.content) && options.source === undefined) return options.content
  const content = plainContentOf(resource, options)
  return sensitive ? Secret.of(resource, content) : content
}

const plainContentOf = (resource: string, { content, source }: FileOptions): Uint8Array => {
  if ((content === undefined) === (source === undefined))
    throw wrong(resource, 'exactly one of content and source must be given')
  if (source !== undefined) return readSource(resource, source)
  if (typeof content !== 'string') return Buffer.from(content as Uint8Array)
  if (!content.isWellFormed()) throw wrong(resource, 'the content is not valid Unicode', 'give bytes as a Uint8Array')
  return Buffer.from(content)
}

const readSource = (resource: string, source: string): Uint8Array => {
  try {
    return readFileSync(source)
  } catch (error) {
    throw wrong(resource, `its source cannot be read: ${error instanceof Error ? error.message : error}`)
  }
}

const contentChange = (want: FileWant, have: Present): readonly Change[] => {
  const sha256 = hashOf(want)
  if (have.sha256 === sha256) return []
  if (isSecret(want.content)) return [{ property: 'content', from: hidden(have.sha256 ?? ''), to: hidden(sha256) }]
  const from = summary(have.size, have.sha256 ?? '')
  return [{ property: 'content', from, to: summary(want.content.length, sha256), ...diffOf(want, have) }]
}

const bytesOf = ({ content }: FileWant): Uint8Array => (isSecret(content) ? content.revealBytes() : content)

const hashOf = (want: FileWant): string => want.sha256 ?? sha256Of(bytesOf(want))

const summary = (size: number, sha256: string): string => `${size} bytes, sha256 ${sha256.slice(0, 12)}`

const diffOf = (want: FileWant, have: Present | Absent): Pick<Change, 'diff'> => {
  if (isSecret(want.content) || want.content.length > DIFF_LIMIT) return {}
  const from = have.kind === 'absent' ? '' : have.content && textOf(have.content)
  const to = textOf(want.content)
  return from === undefined || to === undefined ? {} : { diff: { from, to } }
}

/** UTF-8 without NUL bytes, or undefined. */
const textOf = (bytes: Uint8Array): string | undefined => {
  if (bytes.includes(0)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
