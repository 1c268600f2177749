import { DeclarationError } from '../errors.ts'
import { hcl, json, yaml } from './escape-literals.ts'
import { unit } from './escape-units.ts'
import { corefile, haproxy, plain } from './escape-words.ts'
import type { Escaper } from './syntax.ts'

const ESCAPERS: Readonly<Record<string, Escaper>> = {
  cfg: haproxy,
  conf: plain,
  Corefile: corefile,
  hcl,
  ini: plain,
  json,
  mount: unit,
  service: unit,
  socket: unit,
  timer: unit,
  yaml,
  yml: yaml,
}

/** The escaper for a template's name, by what is before `.ejs`. @throws DeclarationError where none is known. */
export const escaperFor = (name: string): Escaper => {
  const extension = /([^./]+)\.ejs$/.exec(name)?.[1] ?? ''
  const escaper = Object.hasOwn(ESCAPERS, extension) ? ESCAPERS[extension] : undefined
  if (escaper === undefined)
    throw new DeclarationError(`template ${name}: no way is known to write values into .${extension}`, {
      hint: `known are: ${Object.keys(ESCAPERS).join(', ')}`,
    })
  return escaper
}
