import test from 'ava'
import { NODES, on } from '../lab/machines.ts'
import { fault } from './fault.ts'
import { begin, civil, converge, holds, onAll, type Ran, type Watch } from './playbook.ts'
import { pick } from './random.ts'
import { DRIFTS, RESET } from './victim.ts'

const WRAPPER = '/usr/local/sbin/systemctl'
const heal = `rm -f ${WRAPPER}; pkill -CONT sshd || :; pkill -f '^sleep 4321' || :`

test.before('a converged victim', async (t) => {
  await begin(t, `${heal}\n${RESET}`)
})
test.after.always('as they were', () => onAll(`${heal}\n${RESET}`))

/** Only this host left the run, within so many seconds, and the message says why. */
const named = (t: Parameters<typeof civil>[0], ran: Ran, name: string, why: RegExp, bound: number): void => {
  t.log(`exit ${ran.exit} after ${ran.seconds.toFixed(0)} s: ${ran.said.join(' | ').replaceAll('\n', ' ')}`)
  t.is(ran.exit, 1)
  t.deepEqual([...new Set(ran.failed)], [name], 'the others go on')
  t.regex(ran.said.join('\n'), why)
  t.true(ran.seconds < bound, `${ran.seconds} s`)
  civil(t, ran)
}

// every session of sshd but the one that says so
const stopSessions = `for pid in $(pgrep -f '^sshd: root@notty'); do [ "$pid" = "$PPID" ] || kill -STOP "$pid"; done`
const goOn = `pkill -CONT sshd`

fault('sshd stops answering in the middle of an apply', async (t, random, generation) => {
  const name = pick(random, NODES)
  await onAll(DRIFTS.config)
  let stopped: Promise<string> | undefined
  const watch: Watch = (event) => {
    if (event.event === 'applying' && event.host === name && event.resource.startsWith('service'))
      stopped ??= on(name, stopSessions)
  }
  const ran = await converge(generation, ['--lock-wait', '300'], watch)
  await stopped
  await on(name, goOn)
  named(t, ran, name, /the connection was lost while a script was running/, 120)
  await holds(t, generation)
})

fault('a FIFO where a file is wanted', async (t, random, generation) => {
  const name = pick(random, NODES)
  const path = pick(random, ['/srv/faults/config', '/srv/faults/big', '/etc/systemd/system/faults.service'])
  await on(name, `rm -f ${path}; mkfifo ${path}`)
  const ran = await converge(generation, ['--lock-wait', '300'])
  t.is(ran.exit, 0, ran.said.join('\n'))
  t.true(ran.seconds < 60, `${ran.seconds} s`)
  await holds(t, generation)
})

fault('a FIFO where a file is shared with others', async (t, random, generation) => {
  const name = pick(random, NODES)
  const [path, resource] = pick(random, [
    ['/srv/faults/shared', 'block /srv/faults/shared#faults'],
    ['/srv/faults/own.json', 'json /srv/faults/own.json'],
  ] as const)
  await on(name, `rm -f ${path}; mkfifo ${path}`)
  const ran = await converge(generation, ['--lock-wait', '300'])
  named(t, ran, name, new RegExp(`${name} › ${resource}: it is a FIFO and no file`), 60)
  await on(name, `rm ${path}`)
  await holds(t, generation)
})

fault('a ready whose check hangs', async (t, random, generation) => {
  const name = pick(random, NODES)
  await onAll(DRIFTS.config)
  const ran = await converge(generation, ['--lock-wait', '300', '--vars', `faults.hangs=${name}`])
  named(t, ran, name, new RegExp(`${name} › ready faults is ready: not ready within 20 s`), 90)
  t.is(await on(name, `pgrep -fc '^sleep 1000' || :`), '0', 'nothing of it is left')
  await holds(t, generation)
})

const wrapper = (
  hangs: string,
) => `printf '%s\\n' '#!/bin/sh' 'case $1 in ${hangs}) exec sleep 4321 ;; esac' 'exec /usr/bin/systemctl "$@"' >${WRAPPER}
chmod 0755 ${WRAPPER}`

fault('a systemctl that hangs whatever it is asked', async (t, random, generation) => {
  const name = pick(random, NODES)
  await onAll(DRIFTS.config)
  await on(name, wrapper('*'))
  const ran = await converge(generation, ['--lock-wait', '300'])
  await on(name, heal)
  named(t, ran, name, new RegExp(`${name}.*: .*(systemd|facts)`), 180)
  await holds(t, generation)
})

fault('a systemctl that hangs when it is asked to restart', async (t, random, generation) => {
  const name = pick(random, NODES)
  await onAll(DRIFTS.config)
  await on(name, wrapper('restart'))
  const ran = await converge(generation, ['--lock-wait', '300'])
  await on(name, heal)
  named(t, ran, name, new RegExp(`${name} › service faults.service: .*restart`), 120)
  await holds(t, generation)
})
