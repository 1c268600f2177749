import type { Inventory } from '../declare/inventory.ts'
import type { Pins } from '../declare/means.ts'
import { PRODUCTS, type Product } from '../declare/products.ts'
import { VERSION } from '../declare/version.ts'
import { CaravanError } from '../errors.ts'
import type { Catalogue } from './catalogue.ts'

/** What is declared, in one order. */
export const productsOf = (pins: Pins): readonly Product[] => PRODUCTS.filter((product) => Object.hasOwn(pins, product))

/** The role's own version, or else the inventory's, or else that of the set; and who said so. */
export const choose = (
  { sets }: Catalogue,
  { file, versions }: Pick<Inventory, 'file' | 'versions'>,
  product: Product,
  pins: Pins,
  role = '',
): Readonly<{ version: string; by: string }> => {
  const [own, pinned] = [pins[product], versions[product]]
  if (own !== undefined) return { version: own, by: `the vars of role ${role}` }
  if (pinned !== undefined) return { version: pinned, by: `versions of ${file}` }
  return { version: sets[versions.set][product], by: `the set ${versions.set} of versions.yaml` }
}

/** @throws CaravanError for what is no version, and for one that is known to be bad, with the reason. */
export const refuse = ({ products }: Catalogue, product: Product, version: string, by: string): void => {
  if (!VERSION.test(version))
    throw new CaravanError(`${by}: ${product}: ${JSON.stringify(version)} is no version such as 1.10.5`, {
      hint: 'three numbers; put it in quotes',
    })
  const reason = products[product].refused[version]
  if (reason !== undefined)
    throw new CaravanError(`${by}: ${product} ${version} is not installed: ${reason}`, {
      hint: `take another version of ${product}`,
    })
}
