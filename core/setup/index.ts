import { join, relative } from 'node:path'
import type { Exit } from '../converge/run.ts'
import { parseInventory } from '../declare/inventory.ts'
import type { Play } from '../declare/play.ts'
import { argumentsOf, type Place, roleNames, root, withInventory } from '../playbook.ts'
import { converge } from '../site.ts'
import { type CommandLine, commandOf, parseCommandLine } from '../terminal/cli.ts'
import { printError } from '../terminal/errors.ts'
import { helpText } from '../terminal/help.ts'
import { NoAnswer } from '../terminal/prompts.ts'
import { createUi } from '../terminal/ui.ts'
import { createDialog, type Dialog } from './dialog.ts'
import { type Answers, answersOf, refuseMissing, setupFlags, unusedFlags } from './flags.ts'
import { backupPath, refuseUnwritable, standing, writeInventory } from './inventory-file.ts'
import { inventoryText } from './inventory-text.ts'
import { configuredUser } from './own-ssh.ts'
import { type Proposal, proposalOfLab } from './lab-proposal.ts'
import { walk } from './walk.ts'

/** What the playbook of the set-up hands over. */
export type Setup = Readonly<{
  /** The plays of the site, which it offers to run at the end. */
  plays: readonly Play[]
  /** Loads what makes `--lab` possible. */
  lab: () => Promise<{ labUp: (options: { log: (line: string) => void }) => Promise<Place> }>
}>

type Options = CommandLine<typeof setupFlags>

const usage = {
  playbook: 'setup',
  summary: 'Asks for your machines, writes inventory.yaml, shows the plan of the site and offers to run it.',
  examples: [
    '                                    ask for everything',
    '--hosts 203.0.113.1,203.0.113.2,203.0.113.3 --user root   ask for the rest',
    '--lab                               on three machines on this computer',
  ],
  extra: setupFlags,
  without: unusedFlags,
} as const

/**
 * The guided set-up by the command line of the process. Never throws; what went wrong is printed. The exit status is
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
    if (error instanceof NoAnswer) process.stderr.write('stopped: nothing was written\n')
    else printError(error, { json: false, verbose: argv.includes('--verbose') })
  }
}

const guide = async (definition: Setup, options: Options): Promise<Exit> => {
  const given = answersOf(options)
  const { place, proposed, hostKeys } = await begin(definition, options)
  refuseUnwritable(place.inventory)
  const ui = createUi({ ...options, json: false })
  const canAsk = process.stdin.isTTY === true && process.stdout.isTTY === true
  const dialog = createDialog(ui, canAsk)
  const answers = canAsk ? given : await unattended(given, proposed, options)
  …
}
