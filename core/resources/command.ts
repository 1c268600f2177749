import { declare, type Resource, type ResourceType, Unknown } from '../declare/resource.ts'
import { quote } from '../remote/shell.ts'
import { checkText, wrong } from './shared/declared.ts'
import { garbage } from './shared/observe.ts'
import { checkSeconds } from './shared/seconds.ts'

/** What is run, and when it need not be. */
export type CommandOptions = Readonly<{
  /** A command line for `sh`, run as root. Never a secret in it: it is seen in the process list. */
  run: string
  /**
   * A read-only command line for `sh` that succeeds when `run` is not needed. It runs in every probe, for 10 s at most.
   * Exit status 127 (its program is missing), or no answer in time, means that it cannot be told.
   */
  unless: string
  /** How long `run` may take, in whole seconds. Default `'600s'`. */
  within?: `${number}s`
}>

export type CommandWant = Readonly<{ run: string; unless: string; within: number }>

const GUARD = 'timeout -k 1 10 sh -c'

export const commandType: ResourceType<CommandWant, boolean> = {
  name: 'command',
  // all at once, since one that hangs would hold up the others
  probe: (all) => `
guard() { status=0; ${GUARD} "$2" >/dev/null 2>&1 || status=$?; echo "$1 $status"; }
${all.map(({ want }, index) => `guard ${index} ${quote(want.unless)} &`).join('\n')}
wait`,
  parse: (output, all) => {
    const lines = output.split('\n').filter((line) => line !== '')
    if (lines.length !== all.length) garbage('command', `${lines.length} answers to ${all.length} guards`)
    const statuses = new Map(lines.map((line) => parseStatus(line)))
    return new Map(all.map(({ id }, index) => [id, holds(statuses.get(index) ?? garbage('command', `no ${index}`))]))
  },
  diff: (_, holds) => (holds ? [] : [{ property: 'guard', from: 'does not hold', to: 'holds, once it was run' }]),
  apply: ({ want: { run, unless, within } }) => `
if ${GUARD} ${quote(unless)} >/dev/null 2>&1; then exit 0; fi
status=0
timeout -k 10 ${within} sh -c ${quote(run)} || status=$?
[ $status -ne 124 ] || echo 'it did not end within ${within} s'
exit $status`,
}

/**
 * A command that is run only when its guard says that it is needed, and after which the guard must hold: at the end of
 * the run it is asked again. For what no resource type can describe.
 * @throws DeclarationError
 */
export const command = (name: string, { run, unless, within = '600s' }: CommandOptions): Resource<CommandWant> => {
  const resource = `command ${name}`
  checkText(resource, 'its name', name)
  if (checkText(resource, 'run', run).trim() === '') throw wrong(resource, 'there is nothing to run')
  const guard = checkText(resource, 'unless', unless).trim()
  if (/^(|true|:|false|exit( \d+)?)$/.test(guard))
    throw wrong(resource, 'its guard always says the same', 'ask for what the command brings about')
  return declare(commandType, name, { run, unless, within: checkSeconds(resource, 'within', within) })
}

const parseStatus = (line: string): readonly [number, number] => {
  const [, index, status] = /^(\d+) (\d{1,3})$/.exec(line) ?? garbage('command', line)
  return [Number(index), Number(status)]
}

// Source: timeout(1): 124 it timed out, 125 timeout itself failed, 137 it had to be killed; sh(1): 127 not found
const holds = (status: number): boolean | Unknown => {
  if (status === 127) return new Unknown('its guard needs a program that is not installed')
  return [124, 125, 137].includes(status) ? new Unknown('its guard did not end in time') : status === 0
}
