import { describe } from '../declare/resource.ts'
import { checkLease } from '../remote/lease.ts'
import { quote } from '../remote/shell.ts'
import { prelude } from './frames.ts'
import type { Planned } from './plan.ts'

/** One fragment of an apply script and the planned things that it is for. */
export type Fragment = Readonly<{ text: string; works: readonly Planned[] }>

/** Where what is too large for a script waits to be moved into place. */
export const UPLOADS = '/var/lib/caravan/upload'

/** How many logs of applies are kept on a host, until it boots. */
const LOGS = 20

export const isChange = ({ kind }: Planned): boolean => kind !== 'wait'

/**
 * The script holds the lock until it ends, even when its controller has died; what it starts does not inherit it.
 * Output goes to a log on the host and only frames to the channel, so that a dead controller breaks nothing halfway.
 */
export const applyScript = (nonce: string, run: string, fragments: readonly Fragment[]): string =>
  [
    prelude(nonce),
    "trap '' PIPE HUP",
    'mkdir -p -m 0700 /run/caravan || exit 71',
    'uploads=',
    ...(fragments.some(({ works }) => works.some(isChange)) ? [LOCK, checkLease(run), `uploads=${UPLOADS}`] : []),
    `base=/run/caravan/${quote(run)} log=$base.log out=$base.output made=$base.made`,
    '(umask 077; : >>"$log"; : >"$out"; : >"$made")',
    FINISH,
    ...fragments.map(({ text, works }, index) => framed(index, text, works, run)),
    'finish',
  ].join('\n')

// who only waits holds up nobody
const LOCK = 'exec 9>>/run/caravan/lock\nflock -w 600 9 || exit 75'

// each change is told to the host's journal too, and what a run leaves behind is swept
const FINISH = `finish() {
  [ ! -s "$made" ] || logger -t caravan --file "$made"
  rm -rf "$out" "$made" $uploads
  ls -t /run/caravan/*.log | tail -n +${LOGS + 1} | while IFS= read -r old; do rm -f "$old"; done
  exit 0
}`

const framed = (index: number, text: string, works: readonly Planned[], run: string): string =>
  [
    `frame ${index} begin`,
    // POSIX sh forgets `set -e` in a subshell whose status is tested, so the status is read from $? alone
    `(\ntrap - PIPE HUP\nset -e\n${text}\n) </dev/null >"$out" 2>&1 9>&-`,
    'status=$?',
    `{ printf '%s\\n' ${quote(`== ${works.map(nameOf).join(', ')}`)}; cat "$out"; } >>"$log"`,
    `if [ $status != 0 ]; then frame ${index} output; tail -c 4000 "$out"; frame ${index} end $status; finish; fi`,
    ...works
      .filter(isChange)
      .map((work) => `printf '%s\\n' ${quote(`${run}: changed ${work.role} › ${nameOf(work)}`)} >>"$made"`),
    `frame ${index} end 0`,
  ].join('\n')

// on one line, for a journal and for a log
const nameOf = ({ resource }: Planned): string => describe(resource).replaceAll(/[\n\r]/g, ' ')
