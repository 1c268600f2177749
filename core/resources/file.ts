import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { type Change, declare, pathIdentity, type Resource, type ResourceType, UNKNOWN } from '../declare/resource.ts'
import { checkFilePath, wrong } from './shared/declared.ts'
import { type Absent, lookAt, type PathState, type Present, parseLook, sha256Of } from './shared/observe.ts'
import { type Ownership, type OwnershipOptions, ownershipChanges, ownershipOf } from './shared/ownership.ts'
import { mendOwnership, replaceFile, type Validation } from './shared/replace.ts'
import { checkValidation } from './shared/validation.ts'

/** What a file should be. Exactly one of `content` and `source`. Mode: default `'0644'`. */
export type FileOptions = OwnershipOptions &
  Validation &
  Readonly<{
    /** Bytes, or text that is written as UTF-8. */
    content?: string | Uint8Array
    /** A file on this computer, relative to the working directory; read when the resource is declared. */
    source?: string
    /** True: neither the content nor a diff of it is ever shown. Default false. */
    sensitive?: boolean
  }>

export type FileWant = Ownership & Validation & Readonly<{ content: Uint8Array; sha256: string; sensitive: boolean }>

// Bytes up to which a file that differs is brought home with the probe, so that the plan can show a diff.
const DIFF_LIMIT = 64 * 1024

export const fileType: ResourceType<FileWant, PathState> = {
  name: 'file',
  identity: pathIdentity,
  probe: (all) =>
    lookAt(
      all.map(({ id, want }) => ({ path: id, wanted: want.sensitive ? undefined : want.sha256 })),
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
  apply: ({ id, want, have, upload }) =>
    have !== UNKNOWN && have.kind === 'file' && have.sha256 === want.sha256
      ? mendOwnership(want, id)
      : replaceFile({ ...want, path: id }, upload),
  merge: (one, other) => (isDeepStrictEqual(one, other) ? one : undefined),
  inputs: (id) => [id],
  sensitive: (want) => want.sensitive,
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
    ...ownershipOf(resource, options, '0644'),
    ...checkValidation(resource, path, options),
    content,
    sha256: sha256Of(content),
    sensitive: options.sensitive ?? false,
  })
}

const contentOf = (resource: string, { content, source }: FileOptions): Uint8Array => {
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
  if (have.sha256 === want.sha256) return []
  const from = summary(have.size, have.sha256 ?? '')
  return [{ property: 'content', from, to: summary(want.content.length, want.sha256), ...diffOf(want, have) }]
}

const summary = (size: number, sha256: string): string => `${size} bytes, sha256 ${sha256.slice(0, 12)}`

const diffOf = (want: FileWant, have: Present | Absent): Pick<Change, 'diff'> => {
  if (want.sensitive || want.content.length > DIFF_LIMIT) return {}
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
