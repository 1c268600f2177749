import { declare, type Resource, type ResourceType } from '../declare/resource.ts'
import { quote, unseenShell } from '../remote/shell.ts'
import { isSecret, revealed, type Secret } from '../secrets/secret.ts'
import { checkText, wrong } from './shared/declared.ts'
import { garbage } from './shared/observe.ts'

/** What is waited for. */
export type ReadyOptions = Readonly<{
  /** A read-only script for `sh` that succeeds when it is so. Each try is cut off after 10 s. A secret one is not shown. */
  check: string | Secret
  /** How long to wait, in whole seconds, such as `'30s'`. */
  within: `${number}s`
  /** The systemd unit behind it; its last journal lines are shown when it does not get ready. */
  unit?: string
}>

export type ReadyWant = Readonly<{ check: string | Secret; within: number; unit?: string }>

export const readyType: ResourceType<ReadyWant, boolean> = {
  name: 'ready',
  // all at once, since one that hangs would hold up the others
  probe: (all) => `
check() {
  if try$1 10 >/dev/null 2>&1; then echo "$1 up"; else echo "$1 down"; fi
}
${all.map(({ want }, index) => `${trying(`try${index}`, want)}check ${index} &`).join('\n')}
wait`,
  parse: (output, all) => {
    const lines = output.split('\n').filter((line) => line !== '')
    const up = new Map(lines.map((line) => parseAnswer(line, all.length)))
    if (lines.length !== all.length) garbage('ready', `${lines.length} answers to ${all.length} checks`)
    return new Map(all.map(({ id }, index) => [id, up.get(index) ?? garbage('ready', `no answer to check ${index}`)]))
  },
  diff: ({ within }, up) => (up ? [] : [{ property: 'ready', from: 'no', to: `yes, within ${within} s` }]),
  apply: ({ want }) => waitFor(want),
  waits: true,
  sensitive: ({ check }) => isSecret(check),
}

/**
 * A condition on the host that is waited for there, in one round trip; it is no change. It runs its check up to once a
 * second, and fails with the last output of the check. The check must be able to fail: `dig +short` never does.
 * @throws DeclarationError
 */
export const ready = (name: string, { check, within, unit }: ReadyOptions): Resource<ReadyWant> => {
  const resource = `ready ${name}`
  checkText(resource, 'its name', name)
  if (checkText(resource, 'check', revealed(check) as string).trim() === '')
    throw wrong(resource, 'an empty check is always true')
  const seconds = /^([1-9]\d{0,4})s$/.exec(within)?.[1]
  if (seconds === undefined)
    throw wrong(resource, `within ${JSON.stringify(within)} is no number of seconds`, "write it as '30s'")
  if (unit !== undefined && !/^[A-Za-z0-9:_.@\\-]+$/.test(unit))
    throw wrong(resource, `${JSON.stringify(unit)} is not the name of a unit`)
  return declare(readyType, name, { check, within: Number(seconds), ...(unit === undefined ? {} : { unit }) })
}

const parseAnswer = (line: string, count: number): readonly [number, boolean] => {
  const [, index, state] = /^(\d+) (up|down)$/.exec(line) ?? []
  if (index === undefined || Number(index) >= count) return garbage('ready', line)
  return [Number(index), state === 'up']
}

/** A function that makes one try; its argument is how many seconds that may take. */
const trying = (name: string, { check }: Pick<ReadyWant, 'check'>): string => `
${name}() { timeout -k 1 "$1" ${isSecret(check) ? unseenShell(check.reveal()) : `sh -c ${quote(check)}`}
}
`

// Time is taken from /proc/uptime: setting the clock, which a first boot does, is no reason to give up.
const waitFor = ({ within, unit, ...want }: ReadyWant): string => `
${trying('attempt', want)}
uptime() { read -r now _ </proc/uptime; now=\${now%.*}; }
uptime
end=$((now + ${within})) out=
while :; do
  left=$((end - now))
  [ $left -le 10 ] || left=10
  [ $left -ge 1 ] || left=1
  if out=$(attempt $left 2>&1); then break; fi
  uptime
  if [ $now -ge $end ]; then
    printf '%s\\n' "$out" | tail -n 20
    ${unit === undefined ? '' : showUnit(unit)}
    printf 'not ready within ${within} s: %s\\n' "$(printf '%s\\n' "\${out:-the check failed and printed nothing}" | tail -n 1)"
    exit 1
  fi
  sleep 1
  uptime
done`

const showUnit = (unit: string): string => `
    timeout 10 systemctl --no-pager --full -n 0 status ${quote(unit)} || :
    timeout 10 journalctl --no-pager -q -n 20 -u ${quote(unit)} || :`
