import { isName } from './typed.ts'

/** The machines' own names where all can be used, else node-1, node-2, … */
export const proposedNames = (hostnames: readonly string[]): readonly string[] => {
  const own = hostnames.map((name) => name.toLowerCase().split('.')[0] ?? '')
  const usable = own.every((name) => isName(name) && name !== 'localhost') && new Set(own).size === own.length
  return usable ? own : own.map((_, index) => `node-${index + 1}`)
}
