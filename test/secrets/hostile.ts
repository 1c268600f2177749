// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are no templates of ours
import fc from 'fast-check'
import { DeclarationError } from '../../core/errors.ts'
import { render } from '../../core/secrets/template.ts'

/** How many strings are tried in all; `CARAVAN_FUZZ` gives another number. */
export const TRIES = Number(process.env.CARAVAN_FUZZ ?? 10_000)

// What means something in one of the syntaxes, or is often read in another way than it was written.
const PIECES = [
  ...'"\'`\\$%{}[]()<>#;:,=&|*?!~@^-+/. \t\n\r\0\u007f\u0085\u00a0\u2028\u2029\ufeff\ufffd\ufffe\ufffc\ue123\u0301',
  ...[
    '${',
    '%{',
    '$${',
    '%%{',
    '${x}',
    '{$HOME}',
    '{%HOME%}',
    '$(id)',
    '`id`',
    '//',
    '/*',
    '*/',
    '<<EOT',
    '\\n',
    '\\x41',
  ],
  ...['\\u0041', '\\"', '\\\\', "'\\''", '---', '...', '- ', ': ', ' #', '%s', '%h', '%%', '$$', '$HOME', '${HOME}'],
  ...[
    'null',
    'true',
    'no',
    '~',
    '0x10',
    '1e3',
    '.inf',
    'import',
    'ü',
    '☃',
    '𝒳',
    '\u{10fffe}',
    '\u{e0001}',
    'a',
    'b',
    '7',
  ],
]

/** Text that hurts whoever does not escape it. Always valid Unicode. */
export const hostile: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.toWellFormed()) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 20 }) },
)

/** What a template makes of a value; undefined where it refuses it. */
export const rendered = (name: string, source: string, value: unknown): string | undefined => {
  try {
    return render(name, source, { value }) as string
  } catch (error) {
    if (error instanceof DeclarationError && /: cannot write /.test(error.message)) return undefined
    throw error
  }
}
