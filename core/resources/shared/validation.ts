import { checkPath, checkText, nameOf, wrong } from './declared.ts'
import type { Validation } from './replace.ts'

/** @throws DeclarationError, also for a validator that never looks at the candidate: it could not fail. */
export const checkValidation = (
  resource: string,
  path: string,
  { validate, siblings = [] }: Validation,
): Validation => {
  if (validate === undefined) return {}
  checkText(resource, 'validate', validate)
  if (!/\$(1|\{1)/.test(validate))
    throw wrong(resource, 'the validator never looks at the new content', 'its path is "$1", as in: visudo -cf "$1"')
  const names = [path, ...siblings].map(nameOf)
  if (new Set(names).size < names.length) throw wrong(resource, 'a sibling has the name of another, or of the file')
  for (const sibling of siblings) checkPath(resource, sibling)
  return { validate, siblings }
}
