import test from 'ava'
import { NODES, on } from '../lab/machines.ts'
import { fault } from './fault.ts'
import { begin, check, civil, converge, holds, onAll } from './playbook.ts'
import { between, pick } from './random.ts'
import { DRIFTS, RESET } from './victim.ts'

test.before('a converged victim', async (t) => {
  await begin(t)
})
test.after.always('as they were', () => onAll(RESET))

/** A full file system on a directory, with what was there before in it; the machine's own disk stays as it is. */
const fill = (path: string) => `mkdir -p ${path}
cp -a ${path} /run/faults-kept
mount -t tmpfs -o size=4200k,mode=$(stat -c %a ${path}) faults ${path}
cp -a /run/faults-kept/. ${path}/
cat /dev/zero >${path}/filling 2>/dev/null || :`
const unfill = (path: string) => `umount ${path}; rm -rf /run/faults-kept`

for (const [path, why] of [
  ['/srv/faults', /(file|block|json|directory) \S+: .*[Nn]o space left on device/],
  ['/var/lib/caravan', /file \/srv\/faults\/big: .*[Nn]o space left on device/],
  ['/run/caravan', /[Nn]o space left on device/],
] as const)
  fault(`a full disk under ${path}`, async (t, random, generation) => {
    const name = pick(random, NODES)
    await onAll(`${DRIFTS.big}\n${DRIFTS.config}`)
    await on(name, fill(path))
    try {
      const ran = await converge(generation, ['--lock-wait', '300'])
      t.log(`exit ${ran.exit} after ${ran.seconds.toFixed(0)} s: ${ran.said.join(' | ').replaceAll('\n', ' ')}`)
      t.is(ran.exit, 1)
      t.deepEqual([...new Set(ran.failed)], [name])
      t.regex(ran.said.join('\n'), why)
      t.is(await on(name, `find ${path} -name '.*.caravan'`), '', 'half a file was left')
      civil(t, ran)
    } finally {
      await on(name, unfill(path))
    }
    await holds(t, generation)
  })

// dpkg locks by fcntl, which flock(1) does not touch. Source: dpkg, lib/dpkg/file.c
const holdLock = (seconds: number) => `python3 - <<'END' >/dev/null 2>&1 &
import fcntl, time
lock = open('/var/lib/dpkg/lock-frontend', 'w')
fcntl.lockf(lock, fcntl.LOCK_EX)
time.sleep(${seconds})
END
sleep 0.5`

fault('dpkg locked by somebody else for 20 s', async (t, random, generation) => {
  const name = pick(random, NODES)
  await onAll(DRIFTS.package)
  const seconds = between(random, 15, 20)
  await on(name, holdLock(seconds))
  const ran = await converge(generation, ['--lock-wait', '300'])
  t.log(`held for ${seconds} s: exit ${ran.exit} after ${ran.seconds.toFixed(0)} s`)
  t.is(ran.exit, 0, ran.said.join('\n'))
  t.true(ran.seconds > seconds - 5, 'it waited')
  await holds(t, generation)
})

const fetched = `cd /run && [ -e hello_*.deb ] || apt-get -qq download hello >/dev/null 2>&1; deb=$(ls /run/hello_*.deb)`

fault('dpkg left half-configured', async (t, random, generation) => {
  const name = pick(random, NODES)
  await on(name, `${DRIFTS.package}\n${fetched}\ndpkg --unpack "$deb" >/dev/null`)
  t.not(await on(name, 'dpkg --audit'), '')
  t.is((await check(generation - 1)).exit, 2, 'it is drift')
  const ran = await converge(generation, ['--lock-wait', '300'])
  t.is(ran.exit, 0, ran.said.join('\n'))
  await holds(t, generation)
})

fault('dpkg killed in the middle', async (t, random, generation) => {
  const delays = NODES.map(() => between(random, 30, 500) / 1000)
  await onAll(`${DRIFTS.package}\n${fetched}`)
  await Promise.all(
    NODES.map((name, index) =>
      on(name, `timeout -s KILL ${delays[index]} dpkg -i /run/hello_*.deb >/dev/null 2>&1 || :`),
    ),
  )
  t.log(
    `after ${delays.join(', ')} s: ${JSON.stringify(await onAll(`dpkg-query -W -f '\${db:Status-Abbrev}' hello 2>&1 || :`))}`,
  )
  const ran = await converge(generation, ['--lock-wait', '300'])
  t.is(ran.exit, 0, ran.said.join('\n'))
  await holds(t, generation)
})

fault('dpkg left with another package half-configured, whose script fails', async (t, random, generation) => {
  const name = pick(random, NODES)
  await on(name, `${DRIFTS.package}\n${brokenPackage}`)
  const ran = await converge(generation, ['--lock-wait', '300'])
  t.log(`exit ${ran.exit}: ${ran.said.join(' | ').replaceAll('\n', ' ')}`)
  try {
    t.is(ran.exit, 1)
    t.deepEqual([...new Set(ran.failed)], [name])
    t.regex(ran.said.join('\n'), /package hello: .*caravan-faults-broken/s)
  } finally {
    await on(name, 'dpkg --purge --force-all caravan-faults-broken >/dev/null 2>&1')
  }
  await holds(t, generation)
})

const brokenPackage = `mkdir -p /run/broken/DEBIAN
printf '%s\\n' 'Package: caravan-faults-broken' 'Version: 1' 'Architecture: all' 'Maintainer: nobody <nobody@example.com>' 'Description: it cannot be configured' >/run/broken/DEBIAN/control
printf '%s\\n' '#!/bin/sh' 'exit 1' >/run/broken/DEBIAN/postinst
chmod 0755 /run/broken /run/broken/DEBIAN /run/broken/DEBIAN/postinst
dpkg-deb -b /run/broken /run/broken.deb >/dev/null
dpkg -i /run/broken.deb >/dev/null 2>&1 || :
rm -r /run/broken /run/broken.deb`
