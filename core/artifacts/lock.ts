import { readFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import { z } from 'zod'
import { forEach, PRODUCTS, type Product, versionSchema } from '../declare/products.ts'
import { compareVersions } from '../declare/version.ts'
import { parseYamlFile } from '../declare/yaml-file.ts'
import { CaravanError } from '../errors.ts'
import { writeWhole } from '../write-whole.ts'

/** What is known of a product in a version: nothing else is installed as that. */
export type Locked = Readonly<{
  /** `signature FINGERPRINT` or `published sum`. */
  verified: string
  /** The name of an archive → its sha256. */
  archives: Readonly<Record<string, string>>
}>

/** `versions.lock`: product, then version. */
export type Lock = Readonly<Partial<Record<Product, Readonly<Record<string, Locked>> | undefined>>>

const locked = z.strictObject({
  verified: z
    .string()
    .regex(
      /^(published sum|signature ([0-9A-F]{40}|[0-9A-F]{64}))$/,
      'must be "published sum" or "signature FINGERPRINT"',
    ),
  archives: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256: 64 hexadecimal digits')),
})
const lockSchema = z.strictObject(forEach(PRODUCTS, z.record(versionSchema, locked).optional()))

const HEAD = `# What Caravan installs, by its sums; written by the run that first needs it. Commit it: a file that is replaced at its
# publisher or on a mirror is then noticed. To have something verified again, delete its version here.
`

/** What is known already; a missing file is an empty one. @throws CaravanError with the places of what is wrong in it. */
export const readLock = async (path: string): Promise<Lock> => {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new CaravanError(`${path} cannot be read: ${error.code}`, { hint: `ls -l ${path}` })
  })
  if (text === undefined) return {}
  return parseYamlFile<Lock>(text, path, lockSchema, 'bring it back from your repository, or delete what is wrong')
}

/** A lock with one more entry. */
export const withLocked = (lock: Lock, product: Product, version: string, entry: Locked): Lock => ({
  ...lock,
  [product]: { ...lock[product], [version]: entry },
})

/** Writes it whole, in an order that does not depend on who came first. */
export const writeLock = (path: string, lock: Lock): Promise<void> => {
  const sorted = PRODUCTS.flatMap((product) => {
    const versions = Object.entries(lock[product] ?? {}).sort(([one], [other]) => compareVersions(one, other))
    return versions.length === 0 ? [] : [[product, Object.fromEntries(versions)]]
  })
  return writeWhole(path, `${HEAD}${stringify(Object.fromEntries(sorted), { lineWidth: 0 })}`, 0o644)
}
