import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CaravanError, UsageError } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { type FindLab, root } from './playbook.ts'
import { identityPath, makeIdentity, readIdentities, recipientsOf } from './secrets/identity.ts'
import { lockFor } from './secrets/life.ts'
import { type Lock, parseStore, readLocked, type Store, storeText, unlock, writeStore } from './secrets/store.ts'
import { parseCommandLine } from './terminal/cli.ts'
import { printError } from './terminal/errors.ts'
import { helpText } from './terminal/help.ts'
import { askSecret } from './terminal/prompts.ts'

const usage = {
  playbook: 'secrets',
  summary: 'Looks after secrets.age, the encrypted file of all secrets of the cluster.',
  positionals: 'init | show [NAME] | edit | rekey',
  examples: [
    'init                          make the age identity that opens the file',
    'show                          the names of all secrets',
    'show nomad-management-token   one of them, in plain text',
    'edit                          all of them, in $EDITOR',
    'rekey --recipient age1…       encrypt the file to this one and to your own identity',
  ],
  without: ['limit', 'roles', 'check', 'diff', 'yes', 'json', 'forks', 'lock-wait', 'vars', 'accept-new-host-keys'],
  extra: {
    recipient: {
      type: 'string',
      value: 'AGE1…',
      summary: 'rekey: somebody else who may open it (several times)',
      repeatable: true,
    },
  },
} as const

type Place = Readonly<{ file: string; identity: string }>

/** The playbook `secrets`. Reads no inventory and no host. */
export const secretsCommand = async (argv: readonly string[], findLab: FindLab): Promise<void> => {
  try {
    const options = parseCommandLine(argv, usage)
    if (options.help) return void process.stdout.write(helpText(usage))
    const lab = options.lab ? (await findLab()).labDir() : undefined
    const place = {
      file: join(lab ?? dirname(options.inventory ?? join(root, 'inventory.yaml')), 'secrets.age'),
      identity: identityPath(lab),
    }
    await perform(options.positionals, place, options.extra.recipient)
  } catch (error) {
    printError(error, { json: false, verbose: argv.includes('--verbose') })
    process.exitCode = 1
  }
}

const perform = (words: readonly string[], place: Place, recipients: readonly string[]): Promise<void> => {
  const [command = '', ...rest] = words
  if (command === 'show' && rest.length <= 1) return show(place, rest[0])
  if (command === 'init' && rest.length === 0) return init(place)
  if (command === 'edit' && rest.length === 0) return edit(place)
  if (command === 'rekey' && rest.length === 0) return rekey(place, recipients)
  const near = didYouMean(command, ['init', 'show', 'edit', 'rekey'])
  throw new UsageError(`${words.join(' ') || 'nothing'} is no command${near}`, { hint: `one of ${usage.positionals}` })
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const init = async ({ identity }: Place): Promise<void> => {
  const known = await readIdentities(identity)
  const [recipient] = known === undefined ? [await makeIdentity(identity)] : await recipientsOf(known)
  say(`${known === undefined ? 'made' : 'there is'} ${identity}, whose public key is ${recipient}`)
  say('Keep a copy where this computer cannot take it along: without it secrets.age is lost.')
}

const open = async (place: Place): Promise<{ store: Store; lock: Lock }> => {
  const content = await readLocked(place.file)
  if (content === undefined)
    throw new CaravanError(`there is no ${place.file}`, { hint: 'the first run of playbooks/site.mjs makes it' })
  const { stdin, stdout } = process
  const terminal = stdin.isTTY && stdout.isTTY ? stdout : undefined
  const ask = (question: string) =>
    askSecret({ question, hint: 'run it in a terminal' }, { stdin, terminal, canMove: true })
  const lock = await lockFor({ ...place, askPassphrase: terminal && ask }, content)
  return { store: await unlock(place.file, content, lock), lock }
}

const show = async (place: Place, name: string | undefined): Promise<void> => {
  const { secrets } = (await open(place)).store
  if (name === undefined) return Object.keys(secrets).sort().forEach(say)
  const value = secrets[name]
  if (value === undefined) throw new UsageError(`no secret "${name}"${didYouMean(name, Object.keys(secrets))}`)
  say(typeof value === 'string' ? value : `${value.certificate}${value.key}`.trimEnd())
}

const rekey = async (place: Place, others: readonly string[]): Promise<void> => {
  const { store, lock } = await open(place)
  const identities = lock.kind === 'identities' ? lock.identities : await readIdentities(place.identity)
  if (identities === undefined)
    throw new CaravanError(`there is no age identity at ${place.identity}`, { hint: `${usage.playbook}.mjs init` })
  for (const one of others) {
    if (!/^age1[0-9a-z]+$/.test(one)) throw new UsageError(`${one} is no recipient`, { hint: 'it begins with age1' })
  }
  const recipients = [...new Set([...(await recipientsOf(identities)), ...others])]
  await writeStore(place.file, { ...store, recipients }, { kind: 'identities', identities })
  say(`${place.file} is encrypted to`)
  for (const one of recipients) say(`  ${one}`)
}

/** In memory where there is such a place; the file is gone whatever the editor did. */
const edit = async (place: Place): Promise<void> => {
  const { store, lock } = await open(place)
  const room = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'caravan-'))
  try {
    const path = join(room, `secrets-${randomBytes(4).toString('hex')}.yaml`)
    await writeFile(path, storeText(store), { mode: 0o600 })
    const editor = process.env.VISUAL || process.env.EDITOR || 'vi'
    const { status, error } = spawnSync('sh', ['-c', `${editor} "$1"`, 'sh', path], { stdio: 'inherit' })
    if (error !== undefined || status !== 0)
      throw new CaravanError(`${editor} ended with ${error?.message ?? `exit ${status}`}; nothing was changed`)
    const text = await readFile(path, 'utf8')
    if (text === storeText(store)) return say('nothing was changed')
    await writeStore(place.file, parseStore('what you wrote', text), lock)
    say(`${place.file} is written`)
  } finally {
    await rm(room, { recursive: true, force: true })
  }
}
