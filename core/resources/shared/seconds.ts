import { wrong } from './declared.ts'

/** Whole seconds written as `'30s'`. @throws DeclarationError */
export const checkSeconds = (resource: string, what: string, text: string): number => {
  const seconds = /^([1-9]\d{0,4})s$/.exec(text)?.[1]
  if (seconds === undefined)
    throw wrong(resource, `${what} ${JSON.stringify(text)} is no number of seconds`, "write it as '30s'")
  return Number(seconds)
}
