import { join, resolve } from 'node:path'
import { readCatalogue } from '../artifacts/catalogue.ts'
import { parseInventory } from '../declare/inventory.ts'
import { argumentsOf, roleNames, root, withInventory } from '../playbook.ts'
import { identityPath, makeIdentity, readIdentities } from '../secrets/identity.ts'
import { converge } from '../site.ts'
import { type CommandLine, commandOf, parseCommandLine } from '../terminal/cli.ts'
import { printError } from '../terminal/errors.ts'
import { helpText } from '../terminal/help.ts'
import { NoAnswer } from '../terminal/prompts.ts'
import { createUi, type Ui } from '../terminal/ui.ts'
import { type Beginning, begin, type Setup } from './begin.ts'
import { createDialog, type Dialog } from './dialog.ts'
import { type Answers, answersOf, refuseMissing, setupFlags, unusedFlags } from './flags.ts'
import { refuseUnwritable } from './inventory-file.ts'
import { inventoryText } from './inventory-text.ts'
import { licenceLines } from './licences.ts'
import { near, offer, refuseReplacing } from './offer.ts'
import { configuredUser } from './own-ssh.ts'
import type { Reaching } from './reach.ts'
import { walk } from './walk.ts'

type Options = CommandLine<typeof setupFlags>

const usage = {
  playbook: 'setup',
  summary: 'Asks for your machines, writes inventory.yaml, shows the plan of the site and offers to run it.',
  examples: [
    '  ask for everything',
    '--hosts web-1,web-2,web-3 --user root  ask for the rest',
    '--lab  try it on three machines on this computer',
  ],
  extra: setupFlags,
  without: unusedFlags,
} as const

/**
 * The guided set-up, by the command line of the process. Never throws; what went wrong is printed. The exit status is
 * that of the run at its end, or 1.
 */
export const setup = async (definition: Setup): Promise<void> => {
  const argv = argumentsOf('setup')
  try {
    const options = parseCommandLine(argv, usage)
    if (options.help) process.stdout.write(helpText(usage))
    else process.exitCode = await guide(definition, options)
  } catch (error) {
    process.exitCode = 1
    printError(error, { json: false, verbose: argv.includes('--verbose') })
  }
}

const guide = async (definition: Setup, options: Options): Promise<number> => {
  const answers = answersOf(options)
  const beginning = await begin(definition, options)
  const { place } = beginning
  refuseUnwritable(place.inventory)
  const ui = createUi({ ...options, json: false })
  const dialog = createDialog(ui, process.stdin.isTTY === true && process.stdout.isTTY === true)
  const given = dialog.canAsk ? answers : await unattended(answers, beginning, options)
  if (!(await isPrepared(definition, options, { ...beginning, given }, dialog, ui))) return 1
  const { plays } = definition
  const roles = plays.map(({ role }) => role)
  const chosen = roles.filter(({ name }) => options.roles.length === 0 || options.roles.includes(name))
  if (!options.lab && chosen.some(({ secrets }) => Object.keys(secrets).length > 0)) await ensureIdentity(dialog)
  const exit = await withInventory(place, options, roles, (opened) => converge({ playbook: 'site', plays }, opened))
  closing(dialog, place.inventory)
  return exit
}

/** Secrets can be made only where there is something that opens them again. */
const ensureIdentity = async (dialog: Dialog): Promise<void> => {
  const path = identityPath(undefined)
  if ((await readIdentities(path)) !== undefined) return
  await makeIdentity(path)
  dialog.say('', `Made ${path}, which opens secrets.age.`, 'Keep a copy elsewhere: without it the secrets are lost.')
}

/** The answers where nobody can be asked: with `--lab`, it has answered what the lab knows. */
const unattended = async (given: Answers, { proposed, place }: Beginning, options: Options): Promise<Answers> => {
  const told = Object.fromEntries(Object.entries(given).filter(([, answer]) => answer !== undefined))
  const answers: Answers = { ...proposed, ...told }
  const { write, overwrite } = options.extra
  const users = await Promise.all((answers.hosts ?? []).map((address) => configuredUser(address)))
  const hasUsers = answers.user !== undefined || (users.length > 0 && users.every((user) => user !== undefined))
  refuseMissing(answers, write || overwrite, hasUsers)
  refuseReplacing(place.inventory, { write, overwrite })
  return answers
}

/** All the way to a written inventory. False: it is not to be. */
const isPrepared = async (
  setup: Setup,
  options: Options,
  way: Beginning & Readonly<{ given: Answers }>,
  dialog: Dialog,
  ui: Ui,
): Promise<boolean> => {
  // our own questions take Ctrl-C for themselves; this one comes while ssh is at work, or asks
  const stop = new AbortController()
  const onInterrupt = () => stop.abort()
  process.once('SIGINT', onInterrupt)
  try {
    const isWritten = await prepare(setup, options, way, { dialog, askPassword: ui.askPassword, signal: stop.signal })
    if (!isWritten) dialog.say('nothing was written')
    return isWritten
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    dialog.say('stopped: nothing was written')
    return false
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

const prepare = async (
  { plays }: Setup,
  { acceptNewHostKeys, extra }: Options,
  { place, given, proposed, hostKeys, downloads }: Beginning & Readonly<{ given: Answers }>,
  person: Pick<Reaching, 'dialog' | 'askPassword' | 'signal'>,
): Promise<boolean> => {
  const { dialog } = person
  const file = resolve(place.inventory)
  dialog.say('A few questions, then the inventory, then the plan of the site. Ctrl-C leaves everything as it is.', '')
  const reaching = { ...person, dir: place.dir, acceptNewHostKeys, known: hostKeys }
  const draft = { ...(await walk(reaching, { given, proposed })), downloads }
  const text = inventoryText(draft, { inventory: file, schema: join(root, 'inventory.schema.json') })
  // what the site would refuse is not written either
  parseInventory(text, file, { roles: plays.map(({ role }) => role), roleNames: roleNames() })
  dialog.say(...licenceLines(readCatalogue(join(root, 'versions.yaml')), plays))
  return offer(dialog, draft, { file, text }, extra)
}

const closing = (dialog: Dialog, inventory: string): void => {
  const isUsual = resolve(inventory) === join(root, 'inventory.yaml')
  const site = `${commandOf('site')}${isUsual ? '' : ` --inventory ${near(resolve(inventory))}`}`
  dialog.say(
    '',
    'From here on:',
    `  ${`${site} --check --diff`.padEnd(site.length + 16)}  shows what would change`,
    `  ${site.padEnd(site.length + 16)}  shows it, asks, and converges`,
  )
}
