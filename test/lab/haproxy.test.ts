import test, { type ExecutionContext } from 'ava'
import { converged, foreignOf, invocationOf, NODES, on, site } from './machines.ts'

const CONFIG = '/etc/haproxy/haproxy.cfg'
const ROLE = ['--roles', 'haproxy'] as const

/**
 * What the Data Plane API does in a transaction, by its sources, since the program cannot be had here: the file is
 * replaced, with mode 0644, its comments on top and `# _version` one higher; then HAProxy is reloaded.
 */
const transaction = (edit: string): string => `
body=$(grep -v -e '^# _' -e '^# Dataplaneapi' -e '^# changing file' ${CONFIG} | sed ${JSON.stringify(edit)})
version=$(sed -n 's/^# _version=//p' ${CONFIG})
rm ${CONFIG}
{
  echo "# _md5hash=00000000000000000000000000000000"
  echo "# _version=$((\${version:-0} + 1))"
  echo '# Dataplaneapi managed File'
  echo '# changing file directly can cause a conflict if dataplaneapi is running'
  printf '%s\\n' "$body"
} >${CONFIG}
chmod 0644 ${CONFIG}
haproxy -q -c -f ${CONFIG}
systemctl reload haproxy`

const addServer = transaction('/_crate-http/i\\  server extra 10.33.0.9:4200 check')

/** Begins with the role's own text and nothing of others. */
const begun = (t: ExecutionContext) => converged(t, ...ROLE, '--vars', 'haproxy.foreign=replace')

test.before(async (t) => void (await converged(t, '--roles', 'base,haproxy')))

test.serial('it runs without any instance: it says 503, and serves its own pages', async (t) => {
  await converged(t, ...ROLE, '--vars', 'haproxy.foreign=replace', '--vars', 'haproxy.httpService=nobody')
  for (const node of NODES) {
    await on(node, 'systemctl restart haproxy')
    t.is(await on(node, "curl -s -o /dev/null -w '%{http_code}' http://$(hostname):4200/"), '503')
    const slots = `curl -s 'http://127.0.0.1:8404/stats;csv' | cut -d, -f1,2,18 | grep -c '^crate_http,crate.*,MAINT'`
    t.is(await on(node, slots), '10')
  }
})

test.serial('a server that others added is shown, is no drift, and stays', async (t) => {
  await begun(t)
  const before = await invocationOf('node-1', 'haproxy')
  await on('node-1', addServer)
  const text = await on('node-1', `cat ${CONFIG}`)
  for (const flags of [['--check'], ['--yes']]) {
    const ran = await site([...ROLE, ...flags])
    t.is(ran.exit, 0, ran.errors.join('\n'))
    t.deepEqual(foreignOf(ran), {
      'node-1': ['backend crate_http: - → server extra 10.33.0.9:4200 check'],
    })
    t.like(ran.summary?.hosts['node-1'], { changed: 0, roundTrips: 1 })
  }
  t.is(await on('node-1', `cat ${CONFIG}`), text)
  t.is(await invocationOf('node-1', 'haproxy'), before)
})

test.serial('a change of the role is merged with theirs, and loaded without a restart', async (t) => {
  await begun(t)
  const before = await invocationOf('node-1', 'haproxy')
  await on('node-1', addServer)
  const version = Number(await on('node-1', `sed -n 's/^# _version=//p' ${CONFIG}`))
  const ran = await site([...ROLE, '--yes', '--vars', 'haproxy.slots=12'])
  t.is(ran.exit, 0, ran.errors.join('\n'))
  t.is(
    await on('node-1', "curl -s 'http://127.0.0.1:8404/stats;csv' | cut -d, -f1,2 | grep -e crate12 -e extra"),
    'crate_http,extra\ncrate_http,crate12\ncrate_pg,crate12',
  )
  t.is(
    await on('node-1', `stat -c '%a %U:%G' ${CONFIG}; grep _version ${CONFIG}`),
    `640 root:haproxy\n# _version=${version + 1}`,
  )
  t.is(await invocationOf('node-1', 'haproxy'), before)
  t.is((await site([...ROLE, '--check', '--vars', 'haproxy.slots=12'])).exit, 0)
})

test.serial('both changed the same: refused with both versions, and the others hosts go on', async (t) => {
  await begun(t)
  await on('node-1', transaction('s/timeout server 5m/timeout server 9m/'))
  const text = await on('node-1', `cat ${CONFIG}`)
  const ran = await site([...ROLE, '--yes', '--vars', 'haproxy.httpTimeout=7m'])
  t.is(ran.exit, 1)
  t.is(ran.errors.length, 1)
  t.regex(
    ran.errors[0] ?? '',
    /^node-1 › haproxy › haproxyConfig \/etc\/haproxy\/haproxy\.cfg: others changed it where the role changes it too/,
  )
  t.regex(ran.errors[0] ?? '', /the role: timeout server 7m\n {2}the file: timeout server 9m/)
  t.is(await on('node-1', `cat ${CONFIG}`), text)
  t.regex(await on('node-2', `cat ${CONFIG}`), /timeout server 7m/)
})

test.serial('what HAProxy does not take is never put in place', async (t) => {
  await begun(t)
  const text = await on('node-1', `cat ${CONFIG}`)
  const ran = await site([...ROLE, '--yes', '--vars', 'haproxy.extra="backend crate_http\\n  nonsense 5\\n"'])
  t.is(ran.exit, 1)
  t.regex(ran.errors.join('\n'), /the validator rejects the new content[\s\S]*unknown keyword 'nonsense'/)
  t.is(await on('node-1', `cat ${CONFIG}; systemctl is-active haproxy`), `${text}\nactive`)
})

test.serial('a reload that a dead run owed is made by the next one', async (t) => {
  await begun(t)
  const before = await invocationOf('node-1', 'haproxy')
  // what a run leaves that ended between the file and the reload
  await on(
    'node-1',
    `printf '%s\\n' "$(cut -d' ' -f1,2 /run/caravan/haproxy.service) $(echo old | sha256sum | cut -c1-64)" >/run/caravan/haproxy.service`,
  )
  t.is((await site([...ROLE, '--check'])).exit, 2)
  t.is((await site([...ROLE, '--yes'])).exit, 0)
  t.is(await invocationOf('node-1', 'haproxy'), before)
  t.is((await site([...ROLE, '--check'])).exit, 0)
})

test.after.always(async (t) => void (await begun(t)))
