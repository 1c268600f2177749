import { checkFilePath, checkPath, wrong } from './declared.ts'

export type ArtifactFormat = 'zip' | 'tar' | 'bare'

/** What an artifact is, by the path of its URL. */
export const formatOf = (url: string): ArtifactFormat => {
  const { pathname } = new URL(url)
  if (/\.zip$/i.test(pathname)) return 'zip'
  return /\.(tar(\.(gz|xz|bz2|zst))?|tgz|txz)$/i.test(pathname) ? 'tar' : 'bare'
}

type Declared = Readonly<{
  url: string
  sha256: string
  to: string
  member?: string | undefined
  strip?: number | undefined
}>

/** @throws DeclarationError for what can be no artifact. */
export const checkArtifact = (
  resource: string,
  name: string,
  { url, sha256, to, member, strip = 0 }: Declared,
): void => {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    throw wrong(resource, 'its name must be letters, digits, ".", "_" and "-"')
  checkUrl(resource, url)
  if (!/^[0-9a-f]{64}$/i.test(sha256)) throw wrong(resource, 'its sha256 is not 64 hexadecimal digits')
  // a stamp has one line for each file
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\0-\x1f\x7f]/.test(to)) throw wrong(resource, 'the path that it goes to holds a control character')
  if (to.endsWith('/')) checkPath(resource, to.slice(0, -1))
  else checkFilePath('artifact', to)
  checkShape(resource, { url, to, member, strip })
  if (
    member !== undefined &&
    (!/^[A-Za-z0-9._+@ /-]+$/.test(member) || member.split('/').some((part) => /^(-.*|\.{0,2})$/.test(part)))
  )
    throw wrong(resource, `${JSON.stringify(member)} is not the name of a file in an archive`)
}

const checkUrl = (resource: string, url: string): void => {
  const parts = URL.canParse(url) ? new URL(url) : undefined
  if (parts === undefined || !/^https?:$/.test(parts.protocol) || !/^[\x21-\x7e]+$/.test(url))
    throw wrong(resource, `${JSON.stringify(url)} is not an http or https URL`)
  if (parts.username !== '' || parts.password !== '')
    throw wrong(resource, 'its URL holds a password, which others on the host could see')
}

const checkShape = (resource: string, { url, to, member, strip = 0 }: Omit<Declared, 'sha256'>): void => {
  const whole = to.endsWith('/')
  const bare = formatOf(url) === 'bare'
  if (bare && (whole || member !== undefined))
    throw wrong(resource, 'it is a file and no archive, by its URL', 'give the path of the file, without member')
  if (!bare && !whole && member === undefined)
    throw wrong(
      resource,
      'which file of the archive goes there?',
      'name it by member, or end the path with / for all files',
    )
  if (whole && member !== undefined) throw wrong(resource, 'member is one file, and the path is a directory')
  if (!Number.isInteger(strip) || strip < 0 || (strip > 0 && !whole))
    throw wrong(resource, 'strip is how many directories are left out where all files are installed')
}
