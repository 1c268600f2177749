import { createHmac } from 'node:crypto'
import { encrypt } from 'unixcrypt'
import { Secret } from './secret.ts'

/**
 * The hash of a password as crypt(3) knows it (SHA-512, 5000 rounds), for configurations that take one. Its salt is
 * made from the password, so that one password has one hash; two that are equal are seen to be so.
 * Source: crypt(5), "sha512crypt"; github.com/markusberg/unixcrypt
 */
export const passwordHash = (password: Secret): Secret => {
  const text = password.reveal()
  const digest = createHmac('sha256', text).update('caravan: salt of a hash').digest('base64url')
  const salt = digest.replaceAll('-', '.').replaceAll('_', '/').slice(0, 16)
  return Secret.of(`hash of ${password.name}`, encrypt(text, `$6$${salt}`), [password])
}
