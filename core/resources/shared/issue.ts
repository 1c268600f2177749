import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { CertificateAuthority } from '../../declare/means.ts'
import { ApplyError } from '../../errors.ts'

/** What a certificate is to say. */
export type CertificateRequest = Readonly<{
  /** The common name. */
  subject: string
  /** DNS names and IP addresses. */
  names: readonly string[]
  /** How long it is valid; never longer than its CA. */
  days: number
  ca: CertificateAuthority
}>

const SECOND = 1000
const DAY = 86_400 * SECOND
// Clocks of hosts may be a little behind ours.
const EARLIER = 600 * SECOND

/**
 * Makes a key (ECDSA P-256) and a certificate for servers and clients, as one PEM text: certificate, then key.
 * Source: RFC 5280 4.2; the same extensions as `consul tls cert create` and `nomad tls cert create` write.
 * @throws ApplyError when the CA ends within a day.
 */
export const issue = async ({ subject, names, days, ca }: CertificateRequest): Promise<string> => {
  const caEnd = new X509Certificate(ca.certificate).validToDate
  const now = Date.now()
  if (caEnd.getTime() - now < DAY)
    throw new ApplyError(`the CA is valid until ${caEnd.toISOString()} and signs nothing any more`, {
      hint: 'make a new CA',
    })
  // the library takes a tenth of a second to load, and few runs sign anything
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const issuer = new x509.X509Certificate(ca.certificate)
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [subject] }],
    issuer: issuer.subjectName,
    // whole seconds, since X.509 has no others
    notBefore: new Date(Math.floor((now - EARLIER) / SECOND) * SECOND),
    notAfter: new Date(Math.floor(Math.min(now + days * DAY, caEnd.getTime()) / SECOND) * SECOND),
    publicKey: keys.publicKey,
    signingKey: await ca.signingKey(),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await authorityOf(x509, issuer),
    ],
  })
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey))
  return `${certificate.toString('pem').trim()}\n${pemOf('PRIVATE KEY', key)}`
}

type Library = typeof import('@peculiar/x509')

// It must be the identifier that the CA has, however that was made.
const authorityOf = async (x509: Library, issuer: InstanceType<Library['X509Certificate']>) => {
  const own = issuer.getExtension(x509.SubjectKeyIdentifierExtension)
  return own === null
    ? await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey)
    : new x509.AuthorityKeyIdentifierExtension(own.keyId)
}

const pemOf = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${der.toString('base64').replaceAll(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`
