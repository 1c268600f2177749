import { ApplyError, CaravanError } from '../errors.ts'
import { hasEnded } from './own-process.ts'
import { quote } from './shell.ts'
import type { Transport } from './transport.ts'

/** Another run holds a host. */
export class LeaseError extends CaravanError {}

/** Who wants to change a host, as the lease says it to others. */
export type Claim = Readonly<{
  /** The name of the run. */
  run: string
  /** `person@computer`, without line breaks. */
  holder: string
  /** The process that holds it, by `processName`; undefined: it cannot be named. */
  process?: string | undefined
}>

/** What whoever takes a lease learns. */
export type Taken = Readonly<{
  /** The run that last applied something there. */
  applied: string
  /** Whose lease was taken over, since it had expired or its run had died, and since when it was held; undefined: it was free. */
  over: string | undefined
}>

/** Seconds that a lease lives without being renewed; a run renews it three times in that time. */
export const LEASE_SECONDS = 60

// The lease file holds five lines: run, when it ends in seconds of the host's own clock, who holds it, since when, which
// process on the holder's computer.
const functions = `
umask 077
mkdir -p /run/caravan
cd /run/caravan
exec 8>>lease.lock
flock -w 20 8 || exit 75
now=$(date +%s)
run= until=0 holder= since= process=
if [ -f lease ]; then { read -r run; read -r until; read -r holder; read -r since; read -r process; } <lease || :; else rm -rf lease; fi
# what makes no sense has ended; dash would take a leading 0 for octal, and cannot count further than 19 digits
case $until in '' | 0* | *[!0-9]* | ?????????????*) until=0 ;; esac
write() { printf '%s\\n%s\\n%s\\n%s\\n%s\\n' "$1" "$((now + ${LEASE_SECONDS}))" "$2" "$3" "$4" | cat >lease.new && mv -f lease.new lease || exit 1; }
# no run asks for longer: the clock was set back since, and its run, if it lives, renews it in time
[ "$until" -le $((now + ${LEASE_SECONDS})) ] || { write "$run" "$holder" "$since" "$process"; until=$((now + ${LEASE_SECONDS})); }`

/**
 * Takes the lease of one host, or renews it.
 * A foreign one is taken over only when it has expired, or its process was one of this computer's and has ended; and
 * only when no apply of it is still at work.
 * @throws LeaseError that names the holder; ApplyError when it cannot be written; ConnectError.
 */
export const takeLease = async (host: string, transport: Transport, claim: Claim): Promise<Taken> => {
  const first = await askForLease(host, transport, claim, '')
  const process = first.told[3] ?? ''
  const dead = first.answer === 'held' && hasEnded(process)
  const { answer, told } = dead ? await askForLease(host, transport, claim, process) : first
  if (answer === 'taken') return { over: told[0] || undefined, applied: told[1] ?? '' }
  const [holder, since, left] = told
  const rest =
    Number(left) >= 0 && !dead
      ? `that lease ends in ${left} s unless it is renewed`
      : `that ${dead ? 'run has died' : 'lease has ended'}, but its apply is still at work`
  throw new LeaseError(`${holder} is changing it since ${since}; ${rest}`, {
    host,
    hint: 'wait for that run to end: --lock-wait 600 waits up to 10 minutes for it',
  })
}

/** `dead`: the process whose lease counts as expired. */
const askForLease = async (host: string, transport: Transport, claim: Claim, dead: string) => {
  const script = `${functions}
over=
if [ -n "$run" ] && [ "$run" != ${quote(claim.run)} ]; then
  exec 9>>lock
  [ -z ${quote(dead)} ] || [ "$process" != ${quote(dead)} ] || until=0
  if [ "$until" -ge "$now" ] || ! flock -n 9; then
    printf 'held\\n%s\\n%s\\n%s\\n%s\\n' "\${holder:-somebody}" "\${since:-some time}" "$((until - now))" "$process"
    exit 0
  fi
  over="\${holder:-somebody} since \${since:-some time}"
fi
[ "$run" = ${quote(claim.run)} ] || since=$(date -u +%FT%TZ)
write ${quote(claim.run)} ${quote(claim.holder)} "$since" ${quote(claim.process ?? '')}
printf 'taken\\n%s\\n' "$over"
[ ! -f applied ] || cat applied`
  const { stdout, code, stderr } = await transport.run(script, { timeout: 60 })
  const lines = stdout.toString('utf8', 0, 4096).split('\n')
  const index = lines.findIndex((line) => line === 'taken' || line === 'held')
  if (code !== 0 || index < 0)
    throw new ApplyError(`the lease could not be taken: ${stderr.trim().slice(-500) || `exit ${code}`}`, { host })
  return { answer: lines[index], told: lines.slice(index + 1).map((line) => line.slice(0, 200)) }
}

/** Gives the lease back, if it is still this run's. */
export const dropLease = async (transport: Transport, { run }: Claim): Promise<void> => {
  await transport.run(`${functions}\n[ "$run" != ${quote(run)} ] || rm -f lease`, { timeout: 60 })
}

/** What every apply script does first, under its lock: nothing is applied under another run's lease. */
export const checkLease = (run: string): string => `
owner=
if [ -f /run/caravan/lease ]; then read -r owner </run/caravan/lease || :; fi
[ "$owner" = ${quote(run)} ] || exit 76
printf '%s\\n' ${quote(run)} >/run/caravan/applied`
