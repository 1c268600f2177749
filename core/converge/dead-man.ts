import type { DeadMan } from '../declare/dead-man.ts'
import { ApplyError, ConnectError } from '../errors.ts'
import { quote } from '../remote/shell.ts'
import type { Transport } from '../remote/transport.ts'

const directory = '/run/caravan/dead-man'

/** Seconds that the restore itself may take before the host is given up. */
const RESTORE_SECONDS = 30

const secondsOf = ({ within = 60 }: DeadMan): number => within

/**
 * Keeps what is there and starts the timer that puts it back; what follows may cut the connection.
 * The default accuracy of a timer is a minute. Source: systemd-run(1), systemd.timer(5), AccuracySec.
 */
export const arm = (deadMan: DeadMan): string => {
  const own = `${directory}/${deadMan.name}`
  const script = `cd ${own} || exit 1\n(\n${deadMan.restore}\n)\nstatus=$?\nrm -rf ${own}\nexit $status\n`
  return `
umask 077
rm -rf ${own}
mkdir -p ${own}
( cd ${own}; set -e
${deadMan.save}
)
printf %s ${quote(script)} >${own}/.restore
systemd-run --quiet --collect --unit=${unitOf(deadMan)} --on-active=${secondsOf(deadMan)} --timer-property=AccuracySec=1s sh ${own}/.restore`
}

const unitOf = ({ name }: DeadMan): string => `caravan-dead-man-${name}`

const disarm = (deadMan: DeadMan): string => `
systemctl stop ${unitOf(deadMan)}.timer 2>/dev/null || :
if [ ! -d ${directory}/${deadMan.name} ] || systemctl is-active -q ${unitOf(deadMan)}.service; then exit 77; fi
rm -rf ${directory}/${deadMan.name}`

/** What a probe does first: a switch that is still armed means that the host is about to change back. */
export const waitForDeadMen = `
tries=0
while [ -d ${directory} ] && [ -n "$(ls -A ${directory})" ] && [ $tries -lt 90 ]; do sleep 1; tries=$((tries + 1)); done`

/**
 * Makes a change whose script arms the switch first, then confirms it over a new connection. A connection that is lost
 * on the way is no failure: whether the change stays is decided by the confirmation alone.
 * @throws ApplyError once the host has undone the change by itself, or whatever the change itself failed with.
 */
export const confirmed = async (
  deadMan: DeadMan,
  transport: Transport,
  change: (signal: AbortSignal) => Promise<void>,
): Promise<void> => {
  const began = Date.now()
  const deadline = began + (secondsOf(deadMan) - 5) * 1000
  const cut = new AbortController()
  const timer = setTimeout(() => cut.abort(), deadline - began - 10_000)
  let failed: unknown
  try {
    await change(cut.signal)
  } catch (error) {
    if (!(error instanceof ConnectError)) failed = error
  } finally {
    clearTimeout(timer)
  }
  const kept = await reconnect(transport, disarm(deadMan), deadline)
  if (failed !== undefined) throw failed
  if (!kept) throw await undone(deadMan, transport, began)
}

/** Whether the host could be told over a new connection before the deadline. */
const reconnect = async (transport: Transport, script: string, deadline: number): Promise<boolean> => {
  while (Date.now() < deadline) {
    try {
      const { code } = await transport.run(script, { fresh: true, timeout: 10 })
      return code === 0
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
  return false
}

const undone = async (deadMan: DeadMan, transport: Transport, began: number): Promise<ApplyError> => {
  const waited = () => Math.round((Date.now() - began) / 1000)
  const gone = `[ ! -d ${directory}/${deadMan.name} ]`
  const deadline = began + (secondsOf(deadMan) + RESTORE_SECONDS) * 1000
  while (Date.now() < deadline) {
    const back = await transport.run(gone, { fresh: true, timeout: 10 }).catch(() => undefined)
    if (back?.code === 0)
      return new ApplyError(`the change cut the host off, and was undone by its dead-man switch after ${waited()} s`, {
        hint: `look at what ${deadMan.name} would have changed: --check --diff`,
      })
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  return new ApplyError(`the change cut the host off, and it did not come back within ${waited()} s`, {
    hint: 'use the console of the machine, or reboot it',
  })
}
