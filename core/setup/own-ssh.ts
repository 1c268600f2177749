import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { promisify } from 'node:util'
import SSHConfig, { type Line } from 'ssh-config'

const execute = promisify(execFile)

const ownConfig = (): string => join(homedir(), '.ssh', 'config')

/**
 * The aliases of the person's ssh configuration, in its order, those of included files too. Patterns are none.
 * A configuration that cannot be read has none: ssh itself will say what is wrong with it.
 */
export const sshAliases = (file: string = ownConfig()): readonly string[] => [...new Set(aliasesIn(file, 0))]

// Source: ssh_config(5), Include: relative files are those of ~/.ssh. ssh itself follows 16 levels.
const aliasesIn = (file: string, depth: number): readonly string[] => {
  try {
    return depth > 16 ? [] : [...SSHConfig.parse(readFileSync(file, 'utf8'))].flatMap((line) => aliasesOf(line, depth))
  } catch {
    return []
  }
}

const aliasesOf = (line: Line, depth: number): readonly string[] => {
  if (!('param' in line)) return []
  const values = wordsOf(line.value)
  const inner = 'config' in line ? [...line.config].flatMap((each) => aliasesOf(each, depth)) : []
  if (/^include$/i.test(line.param)) return values.flatMap((value) => included(value, depth))
  return /^host$/i.test(line.param)
    ? [...values.filter((value) => /^[A-Za-z0-9][\w.-]*$/.test(value)), ...inner]
    : inner
}

const wordsOf = (value: string | readonly { val: string }[]): readonly string[] =>
  typeof value === 'string' ? value.split(/\s+/) : value.map(({ val }) => val)

const included = (pattern: string, depth: number): readonly string[] => {
  const path = pattern.replace(/^~(?=\/)/, homedir())
  const files = globSync(isAbsolute(path) ? path : join(dirname(ownConfig()), path)).sort()
  return files.flatMap((file) => aliasesIn(file, depth + 1))
}

/**
 * The user that the person's ssh configuration gives for a machine; undefined where it says nothing.
 * @param own the person's and the system's configuration.
 */
export const configuredUser = async (
  address: string,
  own: readonly string[] = [ownConfig(), '/etc/ssh/ssh_config'],
): Promise<string | undefined> => {
  const directory = await mkdtemp(join(tmpdir(), 'caravan-user-'))
  const file = join(directory, 'config')
  // ssh -G always names a user. The first value wins, so this one is left only where nobody gave another.
  const nobody = 'caravan-nobody'
  try {
    await writeFile(file, `${own.map((path) => `Include "${path}"\n`).join('')}Host *\nUser ${nobody}\n`)
    const { stdout } = await execute('ssh', ['-G', '-F', file, '--', address], { timeout: 10_000 })
    const user = /^user (.+)$/m.exec(stdout)?.[1]
    return user === nobody ? undefined : user
  } catch {
    return undefined
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
