import { type Health, patienceOf } from '../converge/health.ts'
import type { HealthCheck } from '../declare/health.ts'
import { isSecret } from '../secrets/secret.ts'
import { safeJson, safeLine } from './safe.ts'
import { createStyle, type Style, wantsColours } from './style.ts'
import { count, pad, truncate } from './text.ts'

/** Columns of an answer in the table; what is wrong is shown whole. */
const ANSWER = 60

/** For people: a line for each check, and for each that is not well what was asked, what came and what was expected. */
export const statusLines = (
  found: readonly Health[],
  verbose: boolean,
  style: Style = createStyle(wantsColours(process.stdout.isTTY === true, process.env)),
): string => {
  const wide = Math.max(0, ...found.map(({ role, check }) => `${role}  ${check.name}`.length))
  const hosts = Map.groupBy(found, ({ host }) => host)
  const blocks = [...hosts].map(([host, all]) => [
    style.bold(host),
    ...all.flatMap((one) => lineOf(one, wide, verbose, style)),
    '',
  ])
  const sick = found.filter(({ well }) => !well).length
  const end = sick === 0 ? style.green('all is well') : style.red(`${count(sick, 'check')} of ${found.length} not well`)
  return `${[...blocks.flat(), `${count(hosts.size, 'host')} · ${count(found.length, 'check')} · ${end}`].join('\n')}\n`
}

const lineOf = (one: Health, wide: number, verbose: boolean, style: Style): readonly string[] => {
  const { role, check, well } = one
  const what = pad(`${role}  ${check.name}`, wide)
  const first = safeLine(one.answer.split('\n')[0] ?? '')
  if (well && !verbose) return [`  ${style.green('ok')}   ${what}  ${truncate(first, ANSWER)}`.trimEnd()]
  return [`  ${well ? style.green('ok') : style.red('BAD')}  ${what}`.trimEnd(), ...details(one)]
}

const details = ({ check, answer, status, well }: Health): readonly string[] => {
  const came = status === 124 ? `nothing within ${patienceOf(check)} s` : safeLine(answer) || 'nothing'
  return [
    `       asked     ${safeLine(shown(check))}`,
    `       came      ${came}${status === 0 || status === 124 ? '' : ` (exit ${status})`}`,
    `       expected  ${check.expect}${!well && check.same === true ? ', the same on all hosts' : ''}`,
  ]
}

const shown = ({ ask }: HealthCheck): string => (isSecret(ask) ? `[${ask.name}]` : ask)

/** For programs: one object a line. */
export const statusEvents = (found: readonly Health[]): string =>
  found
    .map(({ host, role, check, answer, status, well }) => {
      const { name, expect } = check
      return `${safeJson({ event: 'health', host, role, check: name, well, asked: shown(check), came: answer, status, expected: expect })}\n`
    })
    .join('')
