import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { CertificateAuthority } from '../declare/means.ts'
import { type Change, declare, pathIdentity, type Resource, type ResourceType, Unknown } from '../declare/resource.ts'
import { checkFilePath, wrong } from './shared/declared.ts'
import { issue } from './shared/issue.ts'
import { garbage, lookAt, NO_CONTENT, type PathState, parseLook } from './shared/observe.ts'
import { type Ownership, type OwnershipOptions, ownershipChanges, ownershipOf } from './shared/ownership.ts'
import { mendOwnership, replaceFile } from './shared/replace.ts'

/** What must hold of a certificate. Mode: default `'0600'`, since its key is in the same file. */
export type CertificateOptions = OwnershipOptions &
  Readonly<{
    /** The common name, such as `server.dc1.consul`. */
    subject: string
    /** DNS names and IP addresses; all of them, and no others. */
    names: readonly string[]
    ca: CertificateAuthority
    /** How long a new one is valid. Default 365. */
    days?: number
  }>

export type CertificateWant = Ownership &
  Readonly<{ subject: string; names: readonly string[]; ca: CertificateAuthority; days: number }>

export type CertificateHave = Readonly<{
  state: PathState
  /** Of a regular file: the first certificate in it; undefined: there is none. */
  found: Found | undefined
  /** When it was looked at, by the controller's clock; milliseconds since the epoch, as all times here. */
  now: number
}>

type Found = Readonly<{
  subject: string
  names: readonly string[]
  notBefore: number
  notAfter: number
  /** The wanted CA signed it. */
  byCa: boolean
  /** A private key is in the file too. */
  hasKey: boolean
}>

// A line with dashes ends a certificate, so that no line of a key is ever printed. At most 64 KiB are looked at.
const CERTIFICATES = `
certificates() {
  head -c 65536 -- "$1" | LC_ALL=C awk '
    /-----/ {
      on = ($0 ~ /^-----BEGIN CERTIFICATE-----/)
      if ($0 ~ /^-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/) keys++
      if (on || $0 ~ /^-----END CERTIFICATE-----/) print
      next
    }
    on { print }
    END { print "keys " keys + 0 }' | base64 -w 0
  echo
}
for p do
  if [ ! -L "$p" ] && [ -f "$p" ]; then certificates "$p"; fi
done`

export const certificateType: ResourceType<CertificateWant, CertificateHave> = {
  name: 'certificate',
  identity: pathIdentity,
  probe: (all) =>
    `${lookAt(
      all.map(({ id }) => ({ path: id })),
      NO_CONTENT,
    )}${CERTIFICATES}`,
  parse: (output, all) => {
    const lines = output.split('\n')
    const count = [...(lines[0] ?? '')].filter((kind) => kind !== '-').length + 1
    const states = parseLook('certificate', `${lines.slice(0, count).join('\n')}\n`, all.length, NO_CONTENT)
    const texts = lines.slice(count, -1)
    if (texts.length !== states.filter(isFile).length) garbage('certificate', `${texts.length} files`)
    const now = Date.now()
    return new Map(
      all.map(({ id, want }, index) => {
        const state = states[index] as PathState
        return [id, { state, found: isFile(state) ? foundIn(texts.shift() ?? '', want.ca) : undefined, now }]
      }),
    )
  },
  diff: (want, { state, found, now }) => {
    if (state.kind === 'absent') return [{ property: 'state', from: 'absent', to: 'issued' }]
    if (state.kind !== 'file') return [{ property: 'kind', from: state.kind, to: 'certificate' }]
    return [...certificateChanges(want, found, now), ...ownershipChanges(want, state)]
  },
  endsNothing: () => true,
  apply: async ({ id, want, have, changes, upload }) => {
    const owned = changes.every(({ property }) => ['owner', 'group', 'mode'].includes(property))
    if (!Unknown.is(have) && have.found !== undefined && owned) return mendOwnership(want, id)
    return replaceFile({ ...want, path: id, content: Buffer.from(await issue(want)) }, upload)
  },
  inputs: (id) => [id],
  sensitive: () => true,
}

/**
 * A certificate with its key in one PEM file, signed on this computer by the CA when that is due: there is none, it has
 * other names, it is not by this CA, or less than a third of its life is left. A new one has a new key, which is made
 * here, sent once and never brought back.
 * @throws DeclarationError
 */
export const certificate = (path: string, options: CertificateOptions): Resource<CertificateWant> => {
  const resource = `certificate ${path}`
  checkFilePath('certificate', path)
  const { subject, names, ca, days = 365 } = options
  // Source: RFC 5280 A.1, ub-common-name
  if (!/^[A-Za-z0-9.*_ -]{1,64}$/.test(subject)) throw wrong(resource, `${JSON.stringify(subject)} is no common name`)
  if (names.length === 0)
    throw wrong(resource, 'it needs at least one DNS name or IP address', 'no client looks at the subject')
  for (const name of names) {
    if (isIP(name) === 0 && !/^(\*\.)?([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}$/.test(name))
      throw wrong(resource, `${JSON.stringify(name)} is neither a DNS name nor an IP address`)
  }
  if (!Number.isInteger(days) || days < 1 || days > 3650) throw wrong(resource, `days ${days} is not 1 to 3650`)
  checkAuthority(resource, ca)
  return declare(certificateType, path, { ...ownershipOf(resource, options, '0600'), subject, names, ca, days })
}

const checkAuthority = (resource: string, ca: CertificateAuthority): void => {
  // of a role that was not selected: see core/secrets/life.ts
  if (ca.certificate === '') return
  try {
    if (!new X509Certificate(ca.certificate).ca) throw new TypeError('it may not sign others')
  } catch (error) {
    throw wrong(resource, `the certificate of its CA cannot be used: ${error instanceof Error ? error.message : error}`)
  }
}

const isFile = ({ kind }: PathState): boolean => kind === 'file'

const foundIn = (base64: string, ca: CertificateAuthority): Found | undefined => {
  const text = /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64').toString() : ''
  const keys = /(?:^|\n)keys (\d+)\n$/.exec(text)?.[1] ?? garbage('certificate', base64)
  try {
    const one = new X509Certificate(text)
    const authority = new X509Certificate(ca.certificate)
    return {
      subject: one.subject ?? '',
      names: namesOf(one.subjectAltName),
      notBefore: one.validFromDate.getTime(),
      notAfter: one.validToDate.getTime(),
      byCa: one.checkIssued(authority) && one.verify(authority.publicKey),
      hasKey: keys !== '0',
    }
  } catch {
    return undefined
  }
}

// `DNS:a.example.com, IP Address:10.0.0.1`; a name with anything odd in it is in quotes, and then no name of ours.
const namesOf = (text: string | undefined): readonly string[] =>
  (text ?? '').split(', ').map((name) => plainName(name.replace(/^(DNS|IP Address):/, '')))

const plainName = (name: string): string =>
  isIP(name) === 6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name.toLowerCase()

const certificateChanges = (want: CertificateWant, found: Found | undefined, now: number): readonly Change[] => {
  if (found === undefined) return [{ property: 'certificate', from: 'none in this file', to: 'issued' }]
  const due: Change[] = []
  const names = [...new Set(want.names.map(plainName))].sort().join(', ')
  const has = [...new Set(found.names)].sort().join(', ')
  if (!found.hasKey) due.push({ property: 'key', from: 'none in this file', to: 'issued' })
  if (found.subject !== `CN=${want.subject}`)
    due.push({ property: 'subject', from: found.subject, to: `CN=${want.subject}` })
  if (names !== has) due.push({ property: 'names', from: has, to: names })
  if (!found.byCa) due.push({ property: 'issuer', from: 'another CA', to: 'this CA' })
  if (found.notAfter - now < (found.notAfter - found.notBefore) / 3 || now < found.notBefore)
    due.push({ property: 'valid until', from: new Date(found.notAfter).toISOString(), to: 'renewed' })
  return due
}
