import { DeclarationError } from '../errors.ts'

/** Plain versions: three numbers, as all products here have them. */
export const VERSION = /^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$/

/** Below 0, 0 or above 0, as `sort` wants it. @throws DeclarationError for what is no plain version. */
export const compareVersions = (one: string, other: string): number => {
  const [a, b] = [partsOf(one), partsOf(other)]
  const index = a.findIndex((part, at) => part !== b[at])
  return index < 0 ? 0 : (a[index] ?? 0) - (b[index] ?? 0)
}

/** Whether a version is this one or newer: `atLeast(releases('nomad').version, '1.8.0')`. @throws DeclarationError */
export const atLeast = (version: string, least: string): boolean => compareVersions(version, least) >= 0

/** Whether a version is in a range such as `2.7.1 - 2.7.5`, both ends included, or is the one version that is named. */
export const isWithin = (version: string, range: string): boolean => {
  const [first = '', last = first] = range.split(' - ')
  return atLeast(version, first) && atLeast(last, version)
}

const partsOf = (version: string): readonly number[] => {
  if (!VERSION.test(version)) throw new DeclarationError(`${JSON.stringify(version)} is no version such as 1.10.5`)
  return version.split('.').map(Number)
}
