import {
  chownSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { type Change, type Resource, UNKNOWN } from '../../core/declare/resource.ts'
import { fragment, type Ran } from './sh.ts'

/** The current user and its group, for what is declared in tests. */
export const me = { owner: String(process.getuid?.()), group: String(process.getgid?.()) }

/** The name of the current user. */
export const myName = userInfo().username

/** A new directory that is gone when the test ends. */
export const sandbox = (t: ExecutionContext, { nobody = false } = {}): string => {
  const directory = mkdtempSync('/tmp/caravan-test-')
  if (nobody && process.getuid?.() === 0) chownSync(directory, 65534, 65534)
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** All that is in a directory: path, kind, mode, owner, content; with `times` also what shows that it was touched. */
export const snapshot = (directory: string, { times = false } = {}): readonly string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .sort()
    .map((path) => {
      const { mode, uid, gid, ino, mtimeMs, ctimeMs } = lstatSync(path)
      const kind = (mode & 0o170000).toString(8)
      const content = kind === '100000' ? readFileSync(path, 'latin1') : kind === '120000' ? readlinkSync(path) : ''
      return JSON.stringify([path, mode.toString(8), uid, gid, content, ...(times ? [ino, mtimeMs, ctimeMs] : [])])
    })

type Have = unknown

/** Runs the probe of resources of one type, and understands it. */
export const observe = async <Want>(all: readonly Resource<Want>[]): Promise<readonly Have[]> => {
  const [first] = all
  if (first === undefined) return []
  const { code, stdout, stderr } = await fragment(first.type.probe(all))
  if (code !== 0) throw new Error(`the probe failed: ${stderr}`)
  const found = first.type.parse(stdout, all)
  return all.map(({ id }) => found.get(id))
}

/** What differs now. */
export const differences = async <Want>(resource: Resource<Want>): Promise<readonly Change[]> => {
  const [have] = await observe([resource])
  return resource.type.diff(resource.want, have, { changes: () => false })
}

/** Applies one resource as the engine would, whatever is observed. Uploads go to a file in `uploads`. */
export const applyOnce = async <Want>(
  resource: Resource<Want>,
  options: Parameters<typeof fragment>[1] & { uploads?: string } = {},
): Promise<Ran & { text: string }> => {
  const [have] = await observe([resource])
  const upload = async (content: Uint8Array): Promise<string> => {
    const path = join(options.uploads ?? '/nonexistent', 'upload')
    writeFileSync(path, content)
    return path
  }
  const changes = resource.type.diff(resource.want, have, { changes: () => false })
  const text = await resource.type.apply({ id: resource.id, want: resource.want, have, changes, upload })
  return { ...(await fragment(text, options)), text }
}

/**
 * The law of every resource type, through the real shell. Probing writes nothing; after apply nothing differs; the same
 * fragment once more changes nothing, and neither does one made for what was never observed.
 * @returns what differed at first
 */
export const law = async <Want>(
  t: ExecutionContext,
  directory: string,
  resource: Resource<Want>,
): Promise<readonly Change[]> => {
  const before = snapshot(directory, { times: true })
  const changes = await differences(resource)
  t.deepEqual(snapshot(directory, { times: true }), before, 'the probe wrote something')

  const { code, stderr, text } = await applyOnce(resource)
  t.is(code, 0, stderr)
  t.deepEqual(await differences(resource), [], 'something differs after apply')
  const once = snapshot(directory)

  const again = await fragment(text)
  t.is(again.code, 0, again.stderr)
  t.deepEqual(snapshot(directory), once, 'the second apply changed something')
  t.deepEqual(await differences(resource), [], 'something differs after the second apply')
  return changes
}

/** The fragment for a thing that was never observed is as good: what is right stays right. */
export const lawOfUnknown = async <Want>(
  t: ExecutionContext,
  directory: string,
  resource: Resource<Want>,
): Promise<void> => {
  const upload = async (): Promise<string> => t.fail('nothing is uploaded here') as never
  const { id, want } = resource
  const { code, stderr } = await fragment(await resource.type.apply({ id, want, have: UNKNOWN, changes: [], upload }))
  t.is(code, 0, stderr)
  t.deepEqual(await differences(resource), [])
  const once = snapshot(directory)
  await applyOnce(resource)
  t.deepEqual(snapshot(directory), once)
}

/** Names of files that hurt whoever does not quote. */
export const HOSTILE = [
  'a b',
  "it's",
  'two\nlines',
  '$(touch pwned)',
  '`touch pwned`',
  '-rf',
  '"; exit 1; "',
  '*',
  '\\n\\0',
  'ümläut ☃',
  '#{x}%s',
  '\r',
] as const
