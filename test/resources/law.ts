import {
  chmodSync,
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
import { type Change, type Resource, Unknown } from '../../core/declare/resource.ts'
import { fragment, NOBODY, type Ran, type ShOptions } from './sh.ts'

/** The current user and its group, for what is declared in tests. */
export const me = { owner: String(process.getuid?.()), group: String(process.getgid?.()) }

/** The name of the current user. */
export const myName = userInfo().username

/** A new directory that is gone when the test ends. */
export const sandbox = (t: ExecutionContext, { nobody = false } = {}): string => {
  const directory = mkdtempSync('/tmp/caravan-test-')
  if (nobody && process.getuid?.() === 0) chownSync(directory, NOBODY, NOBODY)
  t.teardown(() => {
    chmodSync(directory, 0o700)
    rmSync(directory, { recursive: true, force: true })
  })
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

/** Runs the probe of resources of one type, and understands it. */
export const observe = async <Want>(
  all: readonly Resource<Want>[],
  options: ShOptions = {},
): Promise<readonly unknown[]> => {
  const [first] = all
  if (first === undefined) return []
  const { code, stdout, stderr } = await fragment(first.type.probe(all), options)
  if (code !== 0) throw new Error(`the probe failed: ${stderr}`)
  const found = first.type.parse(stdout, all)
  return all.map(({ id }) => found.get(id))
}

/** What differs now. */
export const differences = async <Want>(
  resource: Resource<Want>,
  options: ShOptions = {},
): Promise<readonly Change[]> => {
  const [have] = await observe([resource], options)
  return resource.type.diff(resource.want, have, { changes: () => false })
}

/** Applies one resource as the engine would, whatever is observed. An upload goes to a file in `uploads`. */
export const applyOnce = async <Want>(
  resource: Resource<Want>,
  { uploads = '/nonexistent', ...options }: ShOptions & Readonly<{ uploads?: string }> = {},
): Promise<Ran & { text: string }> => {
  const [have] = await observe([resource], options)
  const upload = async (content: Uint8Array): Promise<string> => {
    writeFileSync(join(uploads, 'upload'), content)
    return join(uploads, 'upload')
  }
  const changes = resource.type.diff(resource.want, have, { changes: () => false })
  const text = await resource.type.apply({ id: resource.id, want: resource.want, have, changes, upload })
  return { ...(await fragment(text, options)), text }
}

/** The fragment that the engine would run for a resource that was never observed. */
export const unobserved = async <Want>(
  { type, id, want }: Resource<Want>,
  upload: (content: Uint8Array) => Promise<string> = async () => '',
): Promise<string> => type.apply({ id, want, have: new Unknown('not asked'), changes: [], upload })

/** Where a law is tried: a directory, or a private host. */
export type World = Readonly<{ options: ShOptions; snapshot: (times: boolean) => Promise<readonly string[]> }>

const worldOf = (where: string | World): World =>
  typeof where === 'string' ? { options: {}, snapshot: async (times) => snapshot(where, { times }) } : where

/**
 * The law of every resource type, through the real shell: probing writes nothing, after apply nothing differs, and
 * to apply twice is to apply once.
 * @returns what differed at first
 */
export const law = async <Want>(
  t: ExecutionContext,
  where: string | World,
  resource: Resource<Want>,
): Promise<readonly Change[]> => {
  const world = worldOf(where)
  const before = await world.snapshot(true)
  const changes = await differences(resource, world.options)
  t.deepEqual(await world.snapshot(true), before, 'the probe wrote something')

  const { code, stderr, text } = await applyOnce(resource, world.options)
  t.is(code, 0, stderr)
  t.deepEqual(await differences(resource, world.options), [], 'something differs after apply')
  const once = await world.snapshot(false)

  const again = await fragment(text, world.options)
  t.is(again.code, 0, again.stderr)
  t.deepEqual(await world.snapshot(false), once, 'the second apply changed something')
  t.deepEqual(await differences(resource, world.options), [], 'something differs after the second apply')
  return changes
}

/** A fragment that was made without having observed anything is as good. */
export const lawOfUnknown = async <Want>(
  t: ExecutionContext,
  where: string | World,
  resource: Resource<Want>,
): Promise<void> => {
  const world = worldOf(where)
  const upload = async (): Promise<string> => t.fail('nothing is uploaded here') as never
  const text = await unobserved(resource, upload)
  const { code, stderr } = await fragment(text, world.options)
  t.is(code, 0, stderr)
  t.deepEqual(await differences(resource, world.options), [])
  const once = await world.snapshot(false)
  await fragment(text, world.options)
  t.deepEqual(await world.snapshot(false), once)
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
