import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { parse } from 'yaml'
import type { Cluster } from '../../core/declare/host.ts'
import type { Resource } from '../../core/declare/resource.ts'
import { parseConfig, renderConfig } from '../../core/resources/shared/haproxy-text.ts'
import { isSecret, revealed, type Secret } from '../../core/secrets/secret.ts'
import haproxy from '../../roles/haproxy/index.ts'
import {
  byId,
  declared,
  facts,
  found,
  hosts,
  input,
  type More,
  names,
  releasesOf,
  secretsOf,
  textOf,
} from './fixtures.ts'

const cluster: Cluster = { name: 'caravan', datacenter: 'dc1', network: '10.33.0.0/16', expose: 'private' }
const management: Cluster = { ...cluster, expose: 'management' }
const secrets = secretsOf(haproxy.secrets)
const given = (more: More = {}, version = '2.9.27'): More => ({
  cluster,
  secrets,
  releases: releasesOf(version),
  ...more,
})
const on = (vars: Record<string, unknown> = {}, more: More = given()) =>
  declared(haproxy, hosts[0], facts.debian12, vars, more)

const configOf = (resources: readonly Resource[]): string => textOf(resources, '/etc/haproxy/haproxy.cfg')
const sectionOf = (text: string, name: string): readonly string[] => parseConfig(text).get(name)?.lines ?? []

const PROXY = [
  'package haproxy',
  'directory /etc/haproxy',
  'haproxyConfig /etc/haproxy/haproxy.cfg',
  'service haproxy.service',
  'ready haproxy runs its configuration',
]
const API = [
  'artifact dataplaneapi /usr/local/bin/dataplaneapi',
  'directory /etc/haproxy/maps',
  'directory /etc/haproxy/ssl',
  'directory /etc/haproxy/general',
  'directory /etc/haproxy/spoe',
  'directory /var/lib/dataplaneapi',
  'directory /var/lib/dataplaneapi/transactions',
  'directory /var/lib/dataplaneapi/backups',
  'directory /var/lib/dataplaneapi/storage',
  'directory /etc/dataplaneapi',
  'file /etc/dataplaneapi/dataplaneapi.yml',
  'file /etc/systemd/system/dataplaneapi.service',
  'service dataplaneapi.service',
  'ready the Data Plane API answers',
]

for (const [machine, known] of Object.entries(facts))
  test(`haproxy on ${machine}`, (t) => {
    for (const own of hosts) {
      t.deepEqual(names(declared(haproxy, own, known, {}, given())), [...PROXY, ...API])
      t.deepEqual(names(declared(haproxy, own, known, { dataplaneapi: false }, given())), [
        ...PROXY,
        'service dataplaneapi.service',
      ])
    }
  })

test('haproxy is held, restarts on its package alone, and is reloaded on its configuration', (t) => {
  const { restartOn, reloadOn } = byId(on(), 'haproxy.service').want
  t.deepEqual(names(restartOn), ['package haproxy'])
  t.deepEqual(names(reloadOn), ['haproxyConfig /etc/haproxy/haproxy.cfg'])
  t.deepEqual(byId(on(), 'haproxy').want, { state: 'installed', hold: true })
  t.is(byId(on({ version: '2.6.12-1' }), 'haproxy').want.version, '2.6.12-1')
})

test('haproxy: nobody else reads hashes, whatever mode others write the file with', (t) => {
  t.like(byId(on(), '/etc/haproxy').want, { group: 'haproxy', mode: '0750' })
  t.like(byId(on(), '/etc/haproxy/haproxy.cfg').want, { owner: 'root', group: 'haproxy', mode: '0640' })
})

test('haproxy finds CrateDB through the own node of Consul', (t) => {
  const text = configOf(on({ slots: 20, httpService: 'web', pgService: 'db', httpTimeout: '7m', retries: 5 }))
  t.deepEqual(sectionOf(text, 'resolvers consul').slice(0, 1), ['nameserver local 127.0.0.1:8600'])
  const options = 'init-addr none resolvers consul resolve-opts allow-dup-ip resolve-prefer ipv4'
  t.deepEqual(sectionOf(text, 'backend crate_http'), [
    'mode http',
    'balance leastconn',
    'option httpchk GET /',
    'http-check expect status 200,401',
    'timeout server 7m',
    `server-template crate 1-20 _web._tcp.service.consul check inter 2s fall 2 rise 1 ${options}`,
    'retry-on conn-failure',
  ])
  t.true(configOf(on({ pgService: 'db' })).includes(' 1-10 _db._tcp.service.consul check '))
  t.true(sectionOf(text, 'defaults caravan').includes('retries 5'))
  t.true(sectionOf(text, 'defaults caravan').includes('option redispatch 1'))
})

test('haproxy asks for the services by the names that the role crate gives them', (t) => {
  const own = { ...hosts[0], vars: { crate: { httpService: 'db-http', pgService: 'db-pg' } } }
  const text = configOf(declared(haproxy, own, facts.debian12, { pgService: 'other' }, given()))
  t.regex(text, / _db-http\._tcp\.service\.consul /)
  t.regex(text, / _other\._tcp\.service\.consul /)
})

test('haproxy takes 401 for life where CrateDB asks for a password', (t) => {
  const status = (crate: Record<string, unknown>) =>
    /expect status (\S+)/.exec(
      configOf(declared(haproxy, { ...hosts[0], vars: { crate } }, facts.debian12, {}, given())),
    )?.[1]
  t.is(status({}), '200,401')
  t.is(status({ authentication: 'password' }), '200,401')
  t.is(status({ authentication: 'none' }), '200')
})

const binds = (resources: readonly Resource[]): readonly string[] =>
  [...configOf(resources).matchAll(/^ {2}bind (.*)$/gm)].map(([, bind = '']) => bind)

test('haproxy listens privately, and with expose: management where the seed did', (t) => {
  t.deepEqual(binds(on()), ['10.33.0.2:4200', '10.33.0.2:5432', '127.0.0.1:8404'])
  t.deepEqual(binds(on({}, given({ cluster: management }))), ['10.33.0.2:4200', '*:5432', '*:8404'])
  const own = { httpBind: ['*:80', '[::]:443 ssl crt /etc/haproxy/site.pem'], pgBind: ['10.33.0.2:6432'] }
  t.deepEqual(binds(on(own)), ['*:80', '[::]:443 ssl crt /etc/haproxy/site.pem', '10.33.0.2:6432', '127.0.0.1:8404'])
  const api = (more: More) => parse(textOf(on({}, more), '/etc/dataplaneapi/dataplaneapi.yml')).dataplaneapi.host
  t.is(api(given()), '127.0.0.1')
  t.is(api(given({ cluster: management })), '0.0.0.0')
})

test('haproxy asks who it is from elsewhere, with a hash that is a secret', (t) => {
  const resources = on({ user: 'ops' }, given({ cluster: management }))
  t.true(isSecret(byId(resources, '/etc/haproxy/haproxy.cfg').want.content))
  const text = configOf(resources)
  t.regex(sectionOf(text, 'userlist caravan').join(), /^user ops password \$6\$[./\w]{16}\$[./\w]{86}$/)
  t.regex(
    sectionOf(text, 'frontend stats').at(-1) ?? '',
    /^http-request auth .* unless { src 127\.0\.0\.0\/8 } \|\| { http_auth\(caravan\) }$/,
  )
  // nothing that could be asked for is there, and the text is no secret
  const bare = on({ dataplaneapi: false })
  t.false(isSecret(byId(bare, '/etc/haproxy/haproxy.cfg').want.content))
  t.false(/password|auth/.test(configOf(bare)))
})

test('haproxy tells which configuration it has loaded: another one for each change', (t) => {
  const revision = (vars: Record<string, unknown>, own: (typeof hosts)[number] = hosts[0]) => {
    const all = declared(haproxy, own, facts.debian12, vars, given())
    const told = /string ([0-9a-f]{16}) if { path \/caravan }/.exec(configOf(all))?.[1] ?? ''
    t.true(byId(all, 'haproxy runs its configuration').want.check.includes(`)" = ${told} ]`))
    return told
  }
  const all = [{}, { slots: 11 }, { user: 'ops' }, { extra: 'backend x\n' }, { log: true }].map((vars) =>
    revision(vars),
  )
  t.is(new Set(all).size, all.length)
  t.is(revision({}, hosts[1]), revision({}, hosts[0]), 'plans of hosts that differ by their address are shown together')
})

test('haproxy: lines of the inventory join the section that there is', (t) => {
  const config = parseConfig(
    configOf(on({ extra: 'backend crate_http\n  server old 10.33.0.9:4200 check\nbackend more\n  mode tcp\n' })),
  )
  t.is(config.get('backend crate_http')?.lines.at(-1), 'server old 10.33.0.9:4200 check')
  t.deepEqual(config.get('backend more'), { head: 'backend more from caravan', lines: ['mode tcp'] })
})

test('haproxy from another repository', (t) => {
  const keys = mkdtempSync(join(tmpdir(), 'caravan-key-'))
  t.teardown(() => rmSync(keys, { recursive: true }))
  writeFileSync(join(keys, 'x.asc'), 'no key')
  const aptSource = {
    uri: 'https://haproxy.example.com',
    suite: 'bookworm-backports-3.0',
    key: join(keys, 'x.asc'),
    fingerprint: 'AB'.repeat(20),
  }
  t.throws(() => on({ aptSource }), { message: /its key cannot be used/ })
})

test('the Data Plane API by its version', (t) => {
  for (const [version, api] of [
    ['2.7.1', 'v2'],
    ['2.9.27', 'v2'],
    ['3.0.0', 'v3'],
    ['3.4.2', 'v3'],
  ] as const) {
    const all = on({}, given({}, version))
    const { check } = byId(all, 'the Data Plane API answers').want
    t.true(isSecret(check))
    t.true((check as Secret).reveal().includes(`api /${api}/info`))
    const settings = parse(textOf(all, '/etc/dataplaneapi/dataplaneapi.yml'))
    t.is(
      settings.dataplaneapi.resources.dataplane_storage_dir,
      api === 'v3' ? '/var/lib/dataplaneapi/storage' : undefined,
    )
    t.like(settings.dataplaneapi, { port: 5555, userlist: { userlist: 'caravan' } })
    t.like(settings.haproxy, { config_file: '/etc/haproxy/haproxy.cfg', reload: { reload_strategy: 'systemd' } })
  }
  t.deepEqual(names(byId(on(), 'dataplaneapi.service').want.restartOn), [
    'artifact dataplaneapi /usr/local/bin/dataplaneapi',
    'file /etc/dataplaneapi/dataplaneapi.yml',
    'file /etc/systemd/system/dataplaneapi.service',
  ])
  t.deepEqual(haproxy.products(haproxy.vars.parse({ dataplaneapiVersion: '3.0.21' })), { dataplaneapi: '3.0.21' })
  t.deepEqual(haproxy.products(haproxy.vars.parse({ dataplaneapi: false })), {})
})

const HAPROXY = '/usr/sbin/haproxy'
const run = promisify(execFile)

/** As `haproxy -c` says it; undefined, and said so, where there is none. */
const judged = async (
  t: { log: (text: string) => void; pass: () => void },
  text: string,
): Promise<string | undefined> => {
  if (!existsSync(HAPROXY)) {
    t.log(`skipped: ${HAPROXY} is not installed`)
    t.pass()
    return undefined
  }
  const directory = mkdtempSync(join(tmpdir(), 'caravan-haproxy-'))
  writeFileSync(join(directory, 'haproxy.cfg'), text)
  try {
    const { stdout, stderr } = await run(HAPROXY, ['-c', '-f', join(directory, 'haproxy.cfg')])
    return stdout + stderr
  } catch (error) {
    return String((error as { stderr?: string }).stderr)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const VARIANTS: readonly (readonly [string, Record<string, unknown>, More])[] = [
  ['private', {}, given()],
  ['private, alone', { dataplaneapi: false }, given()],
  ['management', {}, given({ cluster: management })],
  ['with logs', { log: true }, given()],
  ['with lists', { httpBind: ['*:80', '[::1]:81', '10.33.0.2:82 accept-proxy'], retries: 0, slots: 200 }, given()],
]
for (const [title, vars, more] of VARIANTS)
  test(`HAProxy takes it, as it is and as it is written: ${title}`, async (t) => {
    const text = configOf(on(vars, more))
    for (const form of [text, renderConfig(parseConfig(text))]) {
      const said = await judged(t, form)
      if (said !== undefined) t.regex(said, /Configuration file is valid/)
      if (said !== undefined) t.notRegex(said, /WARNING|ALERT/, said)
    }
  })

test('HAProxy refuses what it does not know', async (t) => {
  const said = await judged(t, configOf(on({ extra: 'backend crate_http\n  nonsense 5\n' })))
  if (said !== undefined) t.regex(said, /unknown keyword 'nonsense' in 'backend' section|has the same name/)
})

const VITALS = { skew: 0, timeSynchronised: true }
const messages = (vars: Record<string, unknown>, more: More = given()) =>
  found(haproxy, facts.debian12, VITALS, vars, more).map(({ level, message }) => `${level}: ${message}`)

test('what cannot be is said before anything is changed', (t) => {
  t.deepEqual(messages({}), [])
  t.deepEqual(messages({ slots: 2 }), ['error: haproxy.slots is 2, but CrateDB has 3 nodes: some would never be used'])
  t.deepEqual(messages({ httpBind: ['10.33.0.2:5432'] }), [
    'error: port 5432 is wanted twice: by httpBind (10.33.0.2:5432) and by pgBind (10.33.0.2:5432)',
  ])
  t.deepEqual(messages({ httpBind: ['*:8404'] }), [
    'error: port 8404 is wanted twice: by httpBind (*:8404) and by the page of statistics (127.0.0.1:8404)',
  ])
  t.deepEqual(messages({ httpBind: ['10.33.0.2:80', '*:80'] }).length, 1)
  t.deepEqual(messages({ pgBind: ['0.0.0.0:5555'] }).length, 1)
  t.deepEqual(messages({ pgBind: ['0.0.0.0:5555'], dataplaneapi: false }), [])
  t.deepEqual(messages({ httpBind: ['10.33.0.2:80', '10.33.0.99:80'] }), [])
})

test('slots are compared with the nodes of CrateDB that the inventory says', (t) => {
  const own = { ...hosts[0], vars: { crate: { nodes: 12 } } }
  const [finding] = haproxy.checks({ ...input(haproxy, own, facts.debian12, {}, given()), vitals: VITALS })
  t.regex(finding?.message ?? '', /slots is 10, but CrateDB has 12 nodes/)
})

for (const [vars, message] of [
  [{ httpBind: ['4200'] }, /address and a port/],
  [{ httpBind: ['10.33.0.2:0'] }, /address and a port/],
  [{ httpBind: ['10.33.0.2:4200\nbackend x'] }, /address and a port/],
  [{ httpService: 'a b' }, /name of a service/],
  [{ httpService: '_http._tcp' }, /name of a service/],
  [{ slots: 0 }, /slots/],
  [{ httpTimeout: '5 minutes' }, /duration/],
  [{ user: 'a b' }, /letters/],
  [{ dataplaneapiVersion: 'latest' }, /version/],
  [{ dataPlaneApi: false }, /dataPlaneApi/],
] as const)
  test(`a var that makes no sense: ${JSON.stringify(vars)}`, (t) => {
    t.regex(String(haproxy.vars.safeParse(vars).error), message)
  })

const checks = (vars: Record<string, unknown> = {}) =>
  haproxy.health(input(haproxy, hosts[0], facts.debian12, vars, given()))
const check = (name: string, vars?: Record<string, unknown>) => {
  const one = checks(vars).find((candidate) => candidate.name === name)
  if (one === undefined) throw new Error(`no check ${name}`)
  return one
}
const ask = async ({ ask: question }: { ask: string | Secret }) => {
  const asked = run('sh', ['-c', revealed(question) as string]).then(
    ({ stdout }) => ({ answer: stdout.trim(), status: 0 }),
    ({ stdout, code }) => ({ answer: String(stdout).trim(), status: Number(code) }),
  )
  return asked
}

test('the checks of a host', (t) => {
  t.deepEqual(
    checks().map(({ name }) => name),
    [
      'configuration',
      'HTTP on 10.33.0.2:4200',
      'PostgreSQL on 10.33.0.2:5432',
      'servers of crate_http',
      'servers of crate_pg',
      'Data Plane API',
    ],
  )
  t.true(isSecret(check('Data Plane API').ask))
  t.is(checks({ dataplaneapi: false }).length, 5)
})

test('a check: the servers of a backend', (t) => {
  const { judge } = check('servers of crate_http')
  t.true(judge('crate1=UP, crate2=UP 1/2, crate3=UP, BACKEND=UP', 0))
  for (const answer of [
    '',
    'BACKEND=UP',
    'crate1=UP, crate2=UP, BACKEND=UP',
    'crate1=UP, crate2=UP, crate3=DOWN, BACKEND=UP',
    'crate1=UP, crate2=UP, crate3=UP, BACKEND=DOWN',
  ])
    t.false(judge(answer, 0), answer)
})

test('a check: the handshake of PostgreSQL, against what speaks it and what does not', async (t) => {
  const speaks = (reply: (request: Buffer) => string) =>
    createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', (request) => socket.end(reply(request)))
    }).listen(0, '127.0.0.1')
  const requests: string[] = []
  const good = (request: Buffer) => {
    requests.push(request.toString('hex'))
    return 'N'
  }
  for (const [reply, well] of [
    [good, true],
    [() => 'HTTP/1.1 400', false],
  ] as const) {
    const server = speaks(reply)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const one = check(`PostgreSQL on 127.0.0.1:${port}`, { pgBind: [`127.0.0.1:${port}`] })
    const { answer, status } = await ask(one)
    t.is(one.judge(answer, status), well, answer)
    server.close()
    await once(server, 'close')
    const { answer: none, status: failed } = await ask(one)
    t.false(one.judge(none, failed), 'nobody listens')
  }
  t.deepEqual(requests, ['0000000804d2162f'])
})

test('a check: HTTP, with the password where CrateDB asks for one', async (t) => {
  let status = 200
  const server = createHttp(({ headers }, response) => {
    const right = headers.authorization === `Basic ${Buffer.from('admin:password-number-2').toString('base64')}`
    response.writeHead(right ? status : 401).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const name = `HTTP on 127.0.0.1:${port}`
  const one = check(name, { httpBind: [`127.0.0.1:${port}`] })
  t.true(isSecret(one.ask))
  t.true(one.judge((await ask(one)).answer, 0))
  status = 503
  t.false(one.judge((await ask(one)).answer, 0))
  const open = { ...hosts[0], vars: { crate: { authentication: 'none' } } }
  const asking = haproxy.health(input(haproxy, open, facts.debian12, { httpBind: [`127.0.0.1:${port}`] }, given()))
  const bare = asking.find((candidate) => candidate.name === name)
  t.false(isSecret(bare?.ask))
  t.is((await ask(bare as typeof one)).answer, '401')
})

test('a check: the Data Plane API of either major version, by its password', async (t) => {
  let known = '/v3/info'
  const server = createHttp(({ url, headers }, response) => {
    const right = headers.authorization === `Basic ${Buffer.from('admin:password-number-1').toString('base64')}`
    response.writeHead(!right ? 401 : url === known ? 200 : 404).end('{"api":{"version":"v2.9.27"}}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const one = check('Data Plane API')
  const well = async () => {
    const { answer, status } = await ask({ ask: (one.ask as Secret).reveal().replaceAll(':5555', `:${port}`) })
    return one.judge(answer, status)
  }
  t.true(await well())
  known = '/v2/info'
  t.true(await well())
  known = '/v1/info'
  t.false(await well())
})
