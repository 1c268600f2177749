import { quote, words } from '../../remote/shell.ts'

/** Reload first, and restart only when that took effect. */
export type ReloadFirst = Readonly<{
  /** A command that succeeds once the reload took effect. */
  check: string
  /** How long it may take, such as `10s`. */
  within: `${number}s`
  /** A command that succeeds when there is nothing that the reload would protect; then it restarts at once. */
  needless: string
}>

/** What a service's apply fragment is made from. */
export type ServiceWork = Readonly<{
  unit: string
  /** The properties that the plan changes: `definition`, `enabled`, `running`, `restart`, `reload`. */
  changes: ReadonlySet<string>
  restartPaths: readonly string[]
  reloadPaths: readonly string[]
  /** The digest of the restart inputs when the plan was made: what the invocation runs with, if it is only reloaded. */
  observedRestart: string | undefined
  noBlock: boolean
  reloadFirst: ReloadFirst | undefined
  /** Seconds that systemctl may take. */
  within: number
  want: Readonly<{ enabled?: boolean; running?: boolean }>
}>

/** A fragment that does what the plan decided, and writes the unit's marker from the files on disk. */
export const serviceScript = (work: ServiceWork): string => {
  const { unit, changes, want } = work
  const parts = [functions(unit, work.within)]
  parts.push('if [ "$(show NeedDaemonReload)" = yes ]; then systemctl daemon-reload; fi')
  if (changes.has('enabled'))
    parts.push(
      want.enabled ? 'systemctl unmask -- "$unit"\nsystemctl enable -- "$unit"' : 'systemctl disable -- "$unit"',
    )
  if (want.running === false) return [...parts, 'bounded stop'].join('\n')
  if (!['running', 'restart', 'reload'].some((property) => changes.has(property))) return parts.join('\n')
  // taken before the start: what changes in between is then found by the next run
  parts.push(`restart=$(digest ${words(work.restartPaths)})`, `reload=$(digest ${words(work.reloadPaths)})`)
  parts.push(...starting(work), 'mark "$restart" "$reload"')
  return parts.join('\n')
}

const starting = ({ changes, noBlock, reloadFirst, observedRestart }: ServiceWork): readonly string[] => {
  const options = noBlock ? '--no-block ' : ''
  // what did not run may have been started in the meantime, by its package for one, from files that changed since
  if (changes.has('restart') || changes.has('running'))
    return [...(reloadFirst === undefined ? [] : [reloading(reloadFirst)]), `begin restart ${options}`]
  return ['begin reload ', ...(observedRestart === undefined ? [] : [`restart=${observedRestart}`])]
}

// Without a limit of its own a unit, such as one of Type=oneshot, may hang in a job for ever.
const functions = (unit: string, within: number): string => `
unit=${quote(unit)}
show() { systemctl show -p "$1" --value -- "$unit"; }
digest() { for path; do if [ -f "$path" ]; then sha256sum <"$path" | cut -c1-64; else echo absent; fi; done | sha256sum | cut -c1-64; }
mark() (
  umask 077
  marker="/run/caravan/$unit" new="/run/caravan/.$unit.new"
  printf '%s %s %s\\n' "$(show InvocationID)" "$1" "$2" >"$new"
  # where something else is, nothing could be moved onto it
  [ -f "$marker" ] || rm -rf -- "$marker"
  mv -f -T -- "$new" "$marker"
)
explain() {
  journalctl --no-pager -q -o cat -n 15 -u "$unit" 2>/dev/null || :
  echo "$1"
  exit 1
}
bounded() {
  status=0
  timeout -k 5 ${within} systemctl "$@" -- "$unit" || status=$?
  [ $status != 124 ] || explain "systemctl $1 $unit did not end within ${within} s"
  [ $status = 0 ] || explain "systemctl $1 $unit failed"
}
runs() {
  case $(show ActiveState) in active | activating | reloading | refreshing) ;; *) return 1 ;; esac
  [ "$1" != restart ] || [ "$(show InvocationID)" != "$before" ]
}
begin() {
  before=$(show InvocationID)
  systemctl reset-failed -- "$unit" 2>/dev/null || :
  bounded "$@"
  tries=20
  until runs "$1"; do
    [ "$tries" -gt 0 ] || explain "$unit is $(show ActiveState) after systemctl $1"
    tries=$((tries - 1)); sleep 0.25
  done
}`

const reloading = ({ check, within, needless }: ReloadFirst): string => `
holds() { ( set +e; ${check} ) >/dev/null 2>&1; }
if [ "$(show ActiveState)" = active ] && ! ( set +e; ${needless} ) >/dev/null 2>&1; then
  systemctl reload -- "$unit" || explain "systemctl reload $unit failed, so it was not restarted"
  left=${Number.parseInt(within, 10)}
  until holds; do
    [ "$left" -gt 0 ] || explain "the reload did not take effect within ${within}, so $unit was not restarted"
    left=$((left - 1)); sleep 1
  done
fi`
