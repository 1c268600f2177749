import { mkdir, open, readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { CaravanError } from '../errors.ts'

/**
 * Where the age identity is that opens `secrets.age`: what CARAVAN_AGE_IDENTITY says, or
 * `${XDG_CONFIG_HOME:-~/.config}/caravan/age-identity.txt`. The lab has one of its own beside its inventory.
 */
export const identityPath = (labDir: string | undefined, env: NodeJS.ProcessEnv = process.env): string => {
  if (labDir !== undefined) return join(labDir, 'age-identity.txt')
  const { CARAVAN_AGE_IDENTITY: named = '', XDG_CONFIG_HOME: xdg = '' } = env
  if (named !== '') return resolve(named)
  // Source: XDG Base Directory Specification, "paths must be absolute"
  return join(isAbsolute(xdg) ? xdg : join(homedir(), '.config'), 'caravan/age-identity.txt')
}

/**
 * The identities in a file as age-keygen(1) writes it; undefined: there is no such file.
 * @throws CaravanError when others may read it, or nothing in it is an identity.
 */
export const readIdentities = async (path: string): Promise<readonly string[] | undefined> => {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new CaravanError(`the age identity ${path} cannot be read: ${error.code}`, { hint: `ls -l ${path}` })
  })
  if (text === undefined) return undefined
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0)
    throw new CaravanError(`the age identity ${path} can be read by others`, { hint: `chmod 600 ${path}` })
  const identities = text.split('\n').flatMap((line) => {
    const word = line.trim()
    return word === '' || word.startsWith('#') ? [] : [word]
  })
  const [first] = identities
  if (first === undefined || !identities.every((one) => /^AGE-SECRET-KEY-(PQ-)?1[0-9A-Z]+$/.test(one)))
    throw new CaravanError(`${path} is no age identity`, { hint: 'its lines must begin with AGE-SECRET-KEY-1' })
  return identities
}

/** Makes an identity and writes it where there is none yet, for its owner alone. Gives its recipient, `age1…`. */
export const makeIdentity = async (path: string): Promise<string> => {
  const identity = await generateIdentity()
  const recipient = await identityToRecipient(identity)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(`# created: ${new Date().toISOString()}\n# public key: ${recipient}\n${identity}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  return recipient
}

/** The recipients of identities: whom a file is encrypted to so that these open it. */
export const recipientsOf = (identities: readonly string[]): Promise<readonly string[]> =>
  Promise.all(identities.map((identity) => identityToRecipient(identity)))
