import type { ChangeEvent } from './events.ts'
import { hostNames } from './host-names.ts'
import { countPlan, groupPlan, type PlanEvent, type ShownEvent, shownOf } from './plan-groups.ts'
import { safeLine } from './safe.ts'
import type { Style } from './style.ts'
import { count, width, wrap } from './text.ts'

export type PlanViewOptions = Readonly<{
  /** Every host of the run, in inventory order. */
  hosts: readonly string[]
  /** Hosts that have left the run: nothing will be applied there, so their changes are not shown. */
  leftOut: ReadonlySet<string>
  /** Unified diffs too, not the properties alone. */
  diff: boolean
  /** The source line of each resource too. */
  verbose: boolean
  /** Columns of the terminal. */
  columns: number
  style: Style
}>

/** Characters of a value that are shown; `--diff` and `--json` have the rest. */
const LONGEST_VALUE = 200

/** The plan as lines: hosts › role › resource with what changes, then how much there is to do. */
export const planLines = (plan: PlanEvent, options: PlanViewOptions): readonly string[] => {
  const going = withoutHosts(plan, options.leftOut)
  const groups = groupPlan(shownOf(going), options.diff).flatMap(({ hosts, roles }) => [
    ...heading(hosts, options),
    ...roles.flatMap(({ role, planned }) => [
      `  ${options.style.cyan(safeLine(role))}`,
      ...planned.flatMap((one) => plannedLines(one, options)),
    ]),
    '',
  ])
  return [...groups, ...legend(going, options), ...summary(going, options)]
}

const withoutHosts = (plan: PlanEvent, leftOut: ReadonlySet<string>): PlanEvent => {
  const keep = <T>(all: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(all).filter(([host]) => !leftOut.has(host)))
  return { ...plan, hosts: keep(plan.hosts), foreign: keep(plan.foreign ?? {}) }
}

const heading = (hosts: readonly string[], { hosts: all, columns, style }: PlanViewOptions): readonly string[] => {
  const names = hostNames(hosts)
  const of = hosts.length === all.length ? '' : ` of ${all.length}`
  const text = hosts.length === 1 ? names : `${hosts.length}${of} hosts: ${names}`
  return hanging('', text, columns, 4).map(style.bold)
}

const plannedLines = (planned: ShownEvent, { style, columns, diff, verbose }: PlanViewOptions): readonly string[] => {
  const resource = safeLine(planned.resource)
  const changes = planned.kind === 'wait' ? [] : planned.changes.map(changeText)
  const diffs = diff ? planned.changes.flatMap((change) => diffLines(change, style)) : []
  const at = verbose ? [`        ${style.dim(`at ${safeLine(planned.at)}`)}`] : []
  const marks = {
    firm: style.green('~'),
    provisional: style.yellow('?'),
    wait: style.dim('…'),
    foreign: style.cyan('='),
  }
  const mark = marks[planned.kind]
  const text =
    planned.kind === 'wait'
      ? hanging('      ', `waits for: ${condition(resource)}`, columns)
      : changeLines(resource, changes, columns)
  return [`    ${mark} ${text[0]?.slice(6)}`, ...text.slice(1), ...at, ...diffs]
}

// Properties beside the resource where they fit, else on one line below it, else on a line each.
const changeLines = (resource: string, changes: readonly string[], columns: number): readonly string[] => {
  const joined = changes.join(' · ')
  const beside = joined === '' ? `      ${resource}` : `      ${resource}  ${joined}`
  if (width(beside) <= columns) return [beside]
  const below = width(joined) + 8 <= columns ? [`        ${joined}`] : undefined
  return [
    ...hanging('      ', resource, columns),
    ...(below ?? changes.flatMap((change) => hanging('        ', change, columns))),
  ]
}

// What is waited for has a sentence for its id; the type in front of it would only be in the way.
const condition = (resource: string): string => resource.slice(resource.indexOf(' ') + 1)

const hanging = (indent: string, text: string, columns: number, deeper = 2): readonly string[] =>
  wrap(text, columns - indent.length - deeper).map((line, index) =>
    index === 0 ? indent + line : indent + ' '.repeat(deeper) + line,
  )

const changeText = ({ property, from, to }: ChangeEvent): string =>
  `${safeLine(property)}: ${value(from)} → ${value(to)}`

const value = (text: string): string => {
  const line = text === '' ? "''" : safeLine(text)
  return line.length <= LONGEST_VALUE ? line : `${line.slice(0, LONGEST_VALUE)}… (${text.length} characters)`
}

const diffLines = ({ diff }: ChangeEvent, style: Style): readonly string[] => {
  const paints = { '+': style.green, '-': style.red, '@': style.cyan, '\\': style.dim }
  // Colour codes in a file are what may change there: they are shown, not dropped.
  const lines = diff?.split('\n').map((line) => line.replaceAll('\t', '    ')) ?? []
  return lines.map(safeLine).map((line) => `        ${(paints[line[0] as keyof typeof paints] ?? String)(line)}`)
}

const legend = (plan: PlanEvent, { style, columns }: PlanViewOptions): readonly string[] => {
  const { provisional, foreign } = countPlan(plan)
  const texts = [
    provisional === 0 ? [] : '? provisional: depends on an earlier change, and is made only if it is still needed then',
    foreign === 0 ? [] : '= changed by others, and left as it is',
  ].flat()
  const lines = texts.flatMap((text) => hanging('', text, columns).map(style.dim))
  return lines.length === 0 ? [] : [...lines, '']
}

/** `12 changes on 3 hosts (4 provisional), 2 waits; 87 resources are right` */
const summary = (plan: PlanEvent, options: PlanViewOptions): readonly string[] => {
  const { unchanged } = plan
  const { changes, provisional, waits, foreign, changing, diffs } = countPlan(plan)
  const right = Object.entries(unchanged).reduce((sum, [host, n]) => (options.leftOut.has(host) ? sum : sum + n), 0)
  const todo = [
    changes === 0 ? 'no changes' : `${count(changes, 'change')} on ${count(changing, 'host')}`,
    provisional === 0 ? '' : ` (${provisional} provisional)`,
    waits === 0 ? '' : `, ${count(waits, 'wait')}`,
    `; ${right === 1 ? '1 resource is' : `${right} resources are`} right`,
    foreign === 0 ? '' : `, ${foreign} changed by others`,
    !options.diff && diffs > 0 ? ' (--diff shows the contents)' : '',
  ].join('')
  const missing = options.hosts.filter((host) => options.leftOut.has(host) || unchanged[host] === undefined)
  const lines = hanging('', todo, options.columns)
  if (missing.length === 0) return lines
  const left = `left out because of errors: ${hostNames(missing)}`
  return [...lines, ...hanging('', left, options.columns).map(options.style.red)]
}
