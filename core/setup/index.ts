import { join, resolve } from 'node:path'
import type { Exit } from '../converge/run.ts'
import { parseInventory } from '../declare/inventory.ts'
import { argumentsOf, roleNames, root, withInventory } from '../playbook.ts'
import { converge } from '../site.ts'
import { type CommandLine, commandOf, parseCommandLine } from '../terminal/cli.ts'
import { printError } from '../terminal/errors.ts'
import { helpText } from '../terminal/help.ts'
import { NoAnswer } from '../terminal/prompts.ts'
import { createUi } from '../terminal/ui.ts'
import { type Beginning, begin, type Setup } from './begin.ts'
import { createDialog, type Dialog } from './dialog.ts'
import { type Answers, answersOf, refuseMissing, setupFlags, unusedFlags } from './flags.ts'
import { refuseUnwritable } from './inventory-file.ts'
import { inventoryText } from './inventory-text.ts'
import { near, offer, refuseReplacing } from './offer.ts'
import { configuredUser } from './own-ssh.ts'
import { walk } from './walk.ts'

type Options = CommandLine<typeof setupFlags>

const usage = {
  playbook: 'setup',
  summary: 'asks for your machines, writes inventory.yaml, shows the plan of the site and offers to run it',
  examples: [
    '  asks for everything',
    '--hosts web1,web2,web3  asks for the rest',
    '--lab  the same on three machines on this computer',
    '--hosts 203.0.113.1,203.0.113.2,203.0.113.3 --user root --network 10.33.0.0/16 --names node-1,node-2,node-3 --servers 3 --write --yes  asks for nothing',
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

const guide = async (definition: Setup, options: Options): Promise<Exit> => {
  const given = answersOf(options)
  const beginning = await begin(definition, options)
  const { place } = beginning
  refuseUnwritable(place.inventory)
  const ui = createUi({ ...options, json: false })
  const dialog = createDialog(ui, process.stdin.isTTY === true && process.stdout.isTTY === true)
  const answers = dialog.canAsk ? given : await unattended(given, beginning, options)
  if (!(await prepare(definition, options, answers, beginning, dialog, ui.askPassword))) return 1
  const exit = await runSite(definition, options, place)
  closing(dialog, place.inventory)
  return exit
}

// With --lab, the lab's answers were given.
const unattended = async (given: Answers, { proposed, place }: Beginning, options: Options): Promise<Answers> => {
  const answers = { ...given }
  …
}
