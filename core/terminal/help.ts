import { commandOf, commonFlagsOf, type Usage } from './cli.ts'
import type { Flags } from './flags.ts'
import { wrap } from './text.ts'

/** Columns of a help text. */
const COLUMNS = 80

/** What `--help` prints. */
export const helpText = ({
  playbook,
  summary,
  examples,
  extra = {},
  without = [],
  positionals,
}: Usage<Flags>): string => {
  const command = commandOf(playbook)
  const usage = [command, positionals, '[flags]'].filter((part) => part !== undefined).join(' ')
  const own = Object.keys(extra).length === 0 ? [] : ['', `flags of ${playbook}:`, ...flagLines(extra)]
  return [
    `${playbook}: ${summary}`,
    '',
    `usage: ${usage}`,
    ...own,
    '',
    'flags:',
    ...flagLines(commonFlagsOf({ without })),
    ...exampleLines(command, examples),
    '',
    `exit status: 0 converged; 1 failed${without.includes('check') ? '' : '; 2 something would change (--check)'}`,
    '',
  ].join('\n')
}

const exampleLines = (command: string, examples: readonly string[]): readonly string[] => {
  const rows = examples.map((example) => example.split(/ {2,}/))
  const column = Math.max(0, ...rows.map(([given = '']) => given.length)) + 2
  const lines = rows.map(([given = '', what = '']) => `  ${command} ${given.padEnd(column)}${what}`.trimEnd())
  return lines.length === 0 ? [] : ['', 'examples:', ...lines]
}

const flagLines = (flags: Flags): readonly string[] => {
  const rows = Object.entries(flags).map(([name, { value, summary }]) => ({
    flag: `  --${name}${value === undefined ? '' : ` ${value}`}`,
    summary,
  }))
  const column = Math.max(...rows.map(({ flag }) => flag.length)) + 2
  return rows.flatMap(({ flag, summary }) =>
    wrap(summary, COLUMNS - column).map((line, index) => (index === 0 ? flag : '').padEnd(column) + line),
  )
}
