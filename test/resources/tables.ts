import test from 'ava'
import type { Change, ResourceType } from '../../core/declare/resource.ts'
import { DeclarationError, ProbeError } from '../../core/errors.ts'

/** A change in one line. */
export const show = ({ property, from, to, diff }: Change): string =>
  `${property}: ${from} → ${to}${diff ? ` ${JSON.stringify(diff)}` : ''}`

/** One test a row: this want beside this have gives these changes. */
export const diffTable = <Want, Have>(
  type: ResourceType<Want, Have>,
  rows: readonly (readonly [title: string, want: Want, have: Have, expected: readonly string[]])[],
): void => {
  for (const [title, want, have, expected] of rows)
    test(`diff: ${title}`, (t) => t.deepEqual(type.diff(want, have, { changes: () => false }).map(show), [...expected]))
}

/** One test a row: declaring it is an error that names the line in the test. */
export const wrongTable = (rows: readonly (readonly [declaration: () => unknown, message: RegExp])[]): void => {
  for (const [index, [declaration, message]] of rows.entries())
    test(`declaration error ${index + 1}: ${message.source}`, (t) => {
      const error = t.throws(declaration, { instanceOf: DeclarationError, message })
      t.regex(error.details.at ?? '', /^test\/resources\/[a-z-]+\.test\.ts:\d+$/)
      t.regex(error.details.resource ?? '', /^\w+ /)
    })
}

/** One test a row: this output of a probe cannot be, and the error names the type. */
export const garbageTable = (name: string, parse: (output: string) => unknown, outputs: readonly string[]): void => {
  for (const output of outputs)
    test(`garbage: ${JSON.stringify(output)}`, (t) => {
      t.throws(() => parse(output), {
        instanceOf: ProbeError,
        message: new RegExp(`^the probe of ${name} was not understood`),
      })
    })
}
