import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import test from 'ava'
import { quote } from '../../core/remote/shell.ts'
import { absent } from '../../core/resources/absent.ts'
import { block } from '../../core/resources/block.ts'
import { directory } from '../../core/resources/directory.ts'
import { file } from '../../core/resources/file.ts'
import { json } from '../../core/resources/json.ts'
import { symlink } from '../../core/resources/symlink.ts'
import { me } from '../resources/law.ts'
import { arrives, asName, type Field } from './texts.ts'

const read = (...path: string[]): string => readFileSync(join(...path), 'utf8')
const holds = (path: string, text: string): boolean => existsSync(path) && read(path) === text
const validators = (root: string) => ({ CARAVAN_RUN_DIRECTORY: join(root, 'run') })
/** A path of two hostile parts, the first of which is there. */
const within = (dir: string, text: string): string => join(dir, asName(text), asName(text))
const inTheWay = (dir: string, text: string): string => {
  const path = within(dir, text)
  if (!/\0/.test(path) && path.isWellFormed()) mkdirSync(join(dir, asName(text)))
  return path
}

const fields: Readonly<Record<string, Field>> = {
  'the path of a file': {
    declare: (dir, text) => file(inTheWay(dir, text), { ...me, content: 'x' }),
    came: (dir, text) => holds(within(dir, text), 'x') && readdirSync(join(dir, asName(text))).length === 1,
  },
  'the content of a file': {
    declare: (dir, text) => file(join(dir, 'a'), { ...me, content: text }),
    came: (dir, text) => holds(join(dir, 'a'), text),
  },
  'the bytes of a file': {
    declare: (dir, text) => file(join(dir, 'a'), { ...me, content: Buffer.from(text, 'utf16le') }),
    came: (dir, text) => readFileSync(join(dir, 'a')).equals(Buffer.from(text, 'utf16le')),
  },
  'the name of a candidate': {
    declare: (dir, text) =>
      file(inTheWay(dir, text), { ...me, content: 'x', validate: `printf %s "$1" >${quote(join(dir, 'seen'))}` }),
    came: (dir, text) => basename(read(dir, 'seen')) === asName(text),
    env: validators,
  },
  'a validator': {
    declare: (dir, text) =>
      file(join(dir, 'a'), {
        ...me,
        content: 'x',
        validate: `: "$1"; printf %s '${text.replaceAll("'", "'\\''")}' >${dir}/seen`,
      }),
    came: (dir, text) => holds(join(dir, 'seen'), text),
    env: validators,
  },
  'the path of a sibling': {
    declare: (dir, text) => {
      const sibling = inTheWay(dir, text)
      const made = file(join(dir, 'the file'), {
        ...me,
        content: 'x',
        siblings: [sibling],
        validate: `ls -A "$(dirname "$1")" | wc -l >${dir}/count; cat "$(dirname "$1")"/* >${dir}/seen`,
      })
      writeFileSync(sibling, 'y')
      return made
    },
    // a name with a leading dot is none for the validator's pattern
    came: (dir, text) => ['xy', 'yx', ...(asName(text).startsWith('.') ? ['x'] : [])].includes(read(dir, 'seen')),
    env: validators,
  },
  'the path of a directory': {
    declare: (dir, text) => directory(within(dir, text), { ...me, parents: true }),
    came: (dir, text) => existsSync(within(dir, text)),
  },
  'the path of a link': {
    declare: (dir, text) => symlink(inTheWay(dir, text), '/x', me),
    came: (dir, text) => readlinkSync(within(dir, text)) === '/x',
  },
  'the target of a link': {
    declare: (dir, text) => symlink(join(dir, 'a'), text, me),
    came: (dir, text) => readlinkSync(join(dir, 'a')) === text,
  },
  'what is absent': {
    declare: (dir, text) => {
      const gone = absent(inTheWay(dir, text), { recursive: true })
      mkdirSync(within(dir, text))
      for (const other of ['a', 'b']) writeFileSync(join(dir, asName(text), `keep-${other}`), '')
      writeFileSync(join(within(dir, text), 'x'), '')
      return gone
    },
    came: (dir, text) => readdirSync(join(dir, asName(text))).join() === 'keep-a,keep-b',
  },
  'the content of a block': {
    declare: (dir, text) => block(join(dir, 'a'), { name: 'b', content: text }),
    came: (dir, text) =>
      holds(join(dir, 'a'), `before\n# BEGIN caravan b\n${/(^|\n)$/.test(text) ? text : `${text}\n`}# END caravan b\n`),
    prepare: (dir) => writeFileSync(join(dir, 'a'), 'before\n'),
  },
  'the name of a block': {
    declare: (dir, text) => block(join(dir, 'a'), { name: text, content: 'x' }),
    came: (dir, text) => /^[\w.-]+$/.test(text) && read(dir, 'a').startsWith(`# BEGIN caravan ${text}\n`),
  },
  'the file of a block': {
    declare: (dir, text) => {
      const made = block(inTheWay(dir, text), { name: 'b', content: 'x' })
      writeFileSync(within(dir, text), 'before')
      return made
    },
    came: (dir, text) => holds(within(dir, text), 'before\n# BEGIN caravan b\nx\n# END caravan b\n'),
  },
  'keys and values of JSON': {
    declare: (dir, text) => json(join(dir, 'a'), { ...me, merge: { [text]: { [`${text}x`]: [text] } } }),
    came: (dir, text) => Object.is(JSON.parse(read(dir, 'a'))[text][`${text}x`][0], text),
    prepare: (dir) => writeFileSync(join(dir, 'a'), '{"of others": "1e999"}'),
  },
}

for (const [index, [title, field]] of Object.entries(fields).entries())
  test(`hostile: ${title}`, (t) => arrives(t, field, index))
