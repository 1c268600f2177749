import { readFileSync } from 'node:fs'
import { z } from 'zod'
import {
  fingerprintSchema,
  forEach,
  PRODUCTS,
  type Product,
  SETS,
  SIGNERS,
  versionSchema,
} from '../declare/products.ts'
import { atLeast, compareVersions, VERSION } from '../declare/version.ts'
import { parseYamlFile } from '../declare/yaml-file.ts'

const url = z
  .string()
  .regex(
    /^https:\/\/([^\s{}?#]|\{(version|arch)\})+$/,
    'must be an https URL, with {version} and {arch} where they vary',
  )
const member = z.string().min(1)
const range = z
  .string()
  .refine((text) => /^[^ ]+( - [^ ]+)?$/.test(text) && text.split(' - ').every((end) => VERSION.test(end)), {
    error: 'must be a version, or a range such as 2.7.1 - 2.7.5',
  })

const productSchema = z
  .strictObject({
    /** By the first version that is under it. */
    licences: z.record(versionSchema, z.string()),
    /** Debian's name of an architecture → the publisher's. */
    architectures: z.record(z.string(), z.string()),
    archive: url,
    /** What holds the sha256 of the archive, in the lines of `sha256sum`; one for all architectures, or one for each. */
    sums: url,
    /** Of the sums: detached, OpenPGP. */
    signature: url.optional(),
    signer: z.enum(SIGNERS).optional(),
    /** The file in the archive that is wanted; without it all. */
    member: member.optional(),
    /** Versions whose archives are named or laid out otherwise. */
    except: z
      .array(z.strictObject({ versions: z.array(range), archive: url.optional(), member: member.optional() }))
      .default([]),
    /** Versions that are not installed, and why. */
    refused: z.record(versionSchema, z.string()).default({}),
  })
  .refine(({ signature, signer }) => (signature === undefined) === (signer === undefined), {
    error: 'signature and signer belong together',
  })

const catalogueSchema = z.strictObject({
  sets: z.strictObject(forEach(SETS, z.strictObject(forEach(PRODUCTS, versionSchema)))),
  signers: z.strictObject(forEach(SIGNERS, z.strictObject({ key: url, fingerprint: fingerprintSchema }))),
  products: z.strictObject(forEach(PRODUCTS, productSchema)),
})

/** `versions.yaml`: what there is to install, where it comes from and how that is checked. */
export type Catalogue = z.infer<typeof catalogueSchema>

/** @throws CaravanError with every problem, each as `file:line:column: what`. */
export const parseCatalogue = (text: string, file: string): Catalogue =>
  parseYamlFile(text, file, catalogueSchema, `git checkout ${file}`)

/** As `parseCatalogue`, of a file. */
export const readCatalogue = (file: string): Catalogue => parseCatalogue(readFileSync(file, 'utf8'), file)

/** The licence of a product in a version, and those of later ones: `MPL-2.0; BUSL-1.1 from 1.7.0`. */
export const licenceOf = ({ products }: Catalogue, product: Product, version: string): string => {
  const licences = Object.entries(products[product].licences).sort(([one], [other]) => compareVersions(one, other))
  const own = licences.findLastIndex(([since]) => atLeast(version, since))
  const later = licences.slice(own + 1).map(([since, licence]) => `${licence} from ${since}`)
  return [licences[own]?.[1] ?? 'unknown', ...later].join('; ')
}
