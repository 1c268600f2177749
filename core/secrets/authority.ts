import { randomBytes, webcrypto } from 'node:crypto'
import type { CertificateAuthority } from '../declare/means.ts'

/** A certificate authority as it is stored; both PEM, the key PKCS #8. */
export type StoredAuthority = Readonly<{ certificate: string; key: string }>

// Source: RFC 5480 (P-256), FIPS 186-5.
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
// Days. Its leaves live a year and are renewed by themselves; it is replaced by a rotation.
const LIFE = 3650

/** Makes a certificate authority whose common name is `name`. */
export const makeAuthority = async (name: string): Promise<StoredAuthority> => {
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const now = Date.now()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      // positive, and not more than 20 bytes. Source: RFC 5280 4.1.2.2
      serialNumber: `01${randomBytes(15).toString('hex')}`,
      name: `CN=${name}`,
      // a host whose clock is a little behind accepts it too
      notBefore: new Date(now - 3_600_000),
      notAfter: new Date(now + LIFE * 86_400_000),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto as unknown as typeof globalThis.crypto,
  )
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  return { certificate: `${certificate.toString('pem')}\n`, key: pem('PRIVATE KEY', key) }
}

/** A stored authority as `certificate` signs with it. */
export const asAuthority = ({ certificate, key }: StoredAuthority): CertificateAuthority => ({
  certificate,
  signingKey: () => {
    const der = Buffer.from(key.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
    return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
  },
})

const pem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${der.toString('base64').replaceAll(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`
