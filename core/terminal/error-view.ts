import { CaravanError, formatError } from '../errors.ts'
import type { ErrorEvent } from './events.ts'
import { hostNames } from './host-names.ts'
import { safeLine, safeText } from './safe.ts'
import type { Style } from './style.ts'

/** Errors in full, as lines. The same error of several hosts is shown once, with all their names. */
export const errorLines = (errors: readonly ErrorEvent[], style: Style): readonly string[] => {
  const same = Map.groupBy(errors, ({ host: _, ...rest }) => JSON.stringify(rest))
  return [...same.values()].flatMap((group) => {
    const hosts = [...new Set(group.flatMap(({ host }) => host ?? []))]
    const [first = '', ...rest] = safeError(group[0] as ErrorEvent, hosts).split('\n')
    return [style.red(first), ...rest]
  })
}

/** Warnings as lines: `warning: node-1: message`, then what to do about it; the same one of several hosts once. */
export const warningLines = (warnings: readonly Warning[], style: Style): readonly string[] => {
  const same = Map.groupBy(warnings, ({ message, hint }) => JSON.stringify([message, hint]))
  return [...same.values()].flatMap((group) => {
    const hosts = [...new Set(group.flatMap(({ host }) => host ?? []))]
    const { message, hint } = group[0] as Warning
    const where = hosts.length === 0 ? '' : `${hostNames(hosts)}: `
    const what = `${style.yellow('warning')}: ${where}${indented(message)}`
    return hint === undefined ? [what] : [what, `  try: ${safeLine(hint)}`]
  })
}

type Warning = Readonly<{ host?: string; message: string; hint?: string }>

const safeError = ({ message, host: _, detail, ...others }: ErrorEvent, hosts: readonly string[]): string => {
  const lines = Object.entries(others).map(([key, text]) => [key, text === undefined ? text : safeLine(text)])
  const ours = hosts.length === 0 && others.resource === undefined
  return formatError(
    new CaravanError(ours ? safeText(message) : indented(message), {
      ...Object.fromEntries(lines),
      host: hosts.length === 0 ? undefined : hostNames(hosts),
      detail: detail === undefined ? undefined : safeText(detail.slice(-LONGEST)).trimEnd(),
    }),
  )
}

/** Characters of a host's words that are shown; `--json` has the rest. */
const LONGEST = 4000

// A host's own lines are set in, so that a newline in them cannot feign the error of another one.
const indented = (message: string): string => safeText(message.slice(0, LONGEST)).trimEnd().replaceAll('\n', '\n  ')
