import { join } from 'node:path'
import { UsageError } from './errors.ts'
import { type FindLab, root } from './playbook.ts'
import { parseCommandLine } from './terminal/cli.ts'
import { printError } from './terminal/errors.ts'
import { helpText } from './terminal/help.ts'
import { changeLines, type RecordedRun, readRuns, runLines, whyLines } from './terminal/history.ts'

const usage = {
  playbook: 'history',
  summary: 'Shows the runs that are on record, and why a thing is as it is.',
  examples: [
    '                              the runs, the newest first',
    '--run 20261122T204853-4711    what that run changed',
    '--path /etc/docker/daemon.json --limit node-1   every recorded change of it there',
  ],
  extra: {
    run: { type: 'string', value: 'NAME', summary: 'what this run changed' },
    path: { type: 'string', value: 'PATH', summary: 'every change of this path, unit or package' },
  },
} as const

/** The playbook `history`: prints what the records of runs say. Reads no inventory and no host. */
export const history = async (argv: readonly string[], findLab: FindLab): Promise<void> => {
  try {
    const options = parseCommandLine(argv, usage)
    if (options.help) return void process.stdout.write(helpText(usage))
    const dir = options.lab ? (await findLab()).labDir() : join(root, '.caravan')
    const runs = readRuns(join(dir, 'runs'))
    const lines = linesFor(
      runs.map((run) => limited(run, options.limit)),
      options.extra.run,
      options.extra.path,
    )
    process.stdout.write(lines.length === 0 ? 'nothing is on record\n' : `${lines.join('\n')}\n`)
  } catch (error) {
    printError(error, { json: argv.includes('--json'), verbose: argv.includes('--verbose') })
    process.exitCode = 1
  }
}

const limited = (run: RecordedRun, limit: readonly string[]): RecordedRun =>
  limit.length === 0 ? run : { ...run, applied: run.applied.filter(({ host }) => limit.includes(host)) }

const linesFor = (
  runs: readonly RecordedRun[],
  name: string | undefined,
  path: string | undefined,
): readonly string[] => {
  if (path !== undefined) return whyLines(runs, path)
  if (name === undefined) return runLines(runs)
  const run = runs.find((one) => one.run === name)
  if (run === undefined)
    throw new UsageError(`no run "${name}" is on record`, { hint: 'npx zx playbooks/history.mjs lists them' })
  return changeLines(run)
}
