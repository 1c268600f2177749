import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { Unknown } from '../../core/declare/resource.ts'
import { ProbeError } from '../../core/errors.ts'
import { type HttpHave, type HttpOptions, http, httpType } from '../../core/resources/http.ts'
import { NO_CURL, noAnswer } from '../../core/resources/shared/curl.ts'
import { Secret } from '../../core/secrets/secret.ts'
import { applyOnce, differences, HOSTILE, law, lawOfUnknown, observe, sandbox, unobserved } from './law.ts'
import { fragment } from './sh.ts'
import { diffTable, garbageTable, show, wrongTable } from './tables.ts'

const options: HttpOptions = {
  url: 'http://127.0.0.1:4646',
  observe: '/v1/policy/x',
  want: { Rules: 'read', Limits: { CPU: 2 } },
  apply: { method: 'PUT', path: '/v1/policy/x', body: { Rules: 'read' } },
}
const wantOf = (changes: Partial<HttpOptions> = {}) => http('x', { ...options, ...changes }).want
const present = (body: object): HttpHave => ({ kind: 'present', body: body as never })

diffTable(httpType, [
  ['equal, with keys of others', wantOf(), present({ Rules: 'read', Limits: { CPU: 2, Disk: 1 }, Index: 7 }), []],
  ['absent', wantOf(), { kind: 'absent' }, ['state: absent → present']],
  ['a value', wantOf(), present({ Rules: 'write', Limits: { CPU: 2 } }), ['Rules: "write" → "read"']],
  ['below', wantOf(), present({ Rules: 'read', Limits: {} }), ['Limits.CPU: (absent) → 2']],
  ['no such key', wantOf({ want: { A: null } }), present({ A: 1 }), ['A: 1 → (absent)']],
  ['no object', wantOf({ want: { A: 1 } }), present([1]), ['answer: [1] → {"A":1}']],
  ['a list is as a whole', wantOf({ want: { A: [1] } }), present({ A: [1, 2] }), ['A: [1,2] → [1]']],
  ['a predicate', wantOf({ want: (body: unknown) => Array.isArray(body) }), present([]), []],
  [
    'a predicate that is false',
    wantOf({ want: () => false }),
    present([]),
    ['answer: not as it should be → as declared'],
  ],
  ['a predicate of a value', wantOf({ want: { A: (a: unknown) => a === 1, B: 2 } }), present({ A: 1, B: 2 }), []],
  [
    'a predicate of a value that is false',
    wantOf({ want: { A: { B: (b: unknown) => b === 1 } } }),
    present({ A: { B: 3 } }),
    ['A.B: 3 → "as declared"'],
  ],
  [
    'a predicate of a value that is missing',
    wantOf({ want: { A: (a: unknown) => a === 1 } }),
    present({}),
    ['A: (absent) → "as declared"'],
  ],
  ['a secret, equal', wantOf({ want: { ID: Secret.of('id', 'aaaa') } }), present({ ID: 'aaaa' }), []],
])

test('a secret: that it differs is shown, and no value', (t) => {
  const want = wantOf({ want: { ID: Secret.of('id', 'aaaa'), New: 'aaaa' } })
  const [id, added] = httpType.diff(want, present({ ID: 'bbbb' }), { changes: () => false }).map(show)
  t.regex(id ?? '', /^ID: secret, mark (\w{8}) → secret, mark (?!\1)\w{8}$/)
  t.regex(added ?? '', /^New: \(absent\) → secret, mark \w{8}$/)
})

test('what makes no sense is an error of the plan', (t) => {
  const have: HttpHave = { kind: 'unfit', problem: 'it answers 400: no' }
  t.throws(() => httpType.diff(wantOf(), have, { changes: () => false }), {
    instanceOf: ProbeError,
    message: 'it answers 400: no',
  })
})

const declared =
  (changes: Partial<HttpOptions>, name = 'x') =>
  () =>
    http(name, { ...options, ...changes })
wrongTable([
  [declared({}, 'x\0'), /NUL/],
  ...[
    '127.0.0.1:4646',
    'ftp://127.0.0.1',
    'http://127.0.0.1/',
    'http://127.0.0.1/v1',
    'http://a@127.0.0.1',
    'http://127.0.0.1:4646\n',
  ].map((url) => [declared({ url }), /not scheme, host and port/] as const),
  ...['http://10.33.0.2:4646', 'https://example.com', 'http://127.0.0.1.example.com'].map(
    (url) => [declared({ url }), /not the loopback/] as const,
  ),
  ...['v1', '/a b', '/a\nurl = "x"', '/a#b', '/ü'].map(
    (path) => [declared({ observe: path }), /not a path of a URL/] as const,
  ),
  [declared({ apply: { path: 'x' } }), /not a path of a URL/],
  [declared({ tokenHeader: 'X-Token: a' }), /not the name of a header/],
  [declared({ ca: 'ca.pem' }), /relative/],
  [declared({ ca: '/ca\n.pem' }), /one line/],
  [declared({ want: undefined }), /wants nothing/],
  [declared({ within: '1m' as '1s' }), /number of seconds/],
])

test('all loopbacks', (t) => {
  for (const url of ['http://127.0.0.1:80', 'https://localhost:8501', 'http://[::1]:1', 'http://127.1.2.3'])
    t.notThrows(declared({ url }))
})

const parse = (output: string, changes: Partial<HttpOptions> = {}) =>
  httpType.parse(output, [http('x', { ...options, ...changes })]).get('x')
const answer = (status: number, text = '') => `0 ${status} ${Buffer.from(text).toString('base64')}\n`
garbageTable('http', parse, ['', '0 200\n0 200\n', '1 200 e30=\n', '0 20 e30=\n', '0 200 !\n', 'x'])

const ANSWERS: readonly [status: number, text: string, have: HttpHave | Unknown][] = [
  [200, '{"a":1}', present({ a: 1 })],
  [204, '', { kind: 'absent' }],
  [200, 'null\n', { kind: 'absent' }],
  [404, 'no', { kind: 'absent' }],
  [401, '', noAnswer(401, '')],
  [403, 'Permission denied', new Unknown('its API answers 403 Permission denied')],
  [429, '', noAnswer(429, '')],
  [500, 'No cluster leader', new Unknown('its API answers 500 No cluster leader')],
  [503, '', new Unknown('its API answers 503')],
  [400, 'bad', { kind: 'unfit', problem: 'it answers 400: bad' }],
  [301, '', { kind: 'unfit', problem: 'it answers 301: ' }],
  [200, '<html>', { kind: 'unfit', problem: 'its answer is not JSON: <html>' }],
]
for (const [status, text, have] of ANSWERS)
  test(`parse: ${status} ${text}`, (t) => t.deepEqual(parse(answer(status, text)), have))

test('parse: nothing answered, no curl, another status of absence', (t) => {
  t.deepEqual(parse('0 000\n'), new Unknown('its API does not answer'))
  t.deepEqual(parse('none\n'), NO_CURL)
  t.deepEqual(parse(answer(403, 'ACL not found'), { absent: [403] }), { kind: 'absent' })
})

type Request = Readonly<{ method: string; url: string; body: string; headers: IncomingMessage['headers'] }>
type Api = Readonly<{ url: string; store: Map<string, string>; requests: Request[]; server: Server }>

/** An API that keeps what is put under a path. With `token`, whoever does not show it is refused. */
const api = async (t: ExecutionContext, token?: string, tls?: { key: string; cert: string }): Promise<Api> => {
  const store = new Map<string, string>()
  const requests: Request[] = []
  const handler: Parameters<typeof createServer>[1] = (request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece) => pieces.push(piece))
    request.on('end', () => {
      const body = Buffer.concat(pieces).toString()
      const url = request.url ?? ''
      requests.push({ method: request.method ?? '', url, body, headers: request.headers })
      const said = request.headers['x-token'] ?? request.headers.authorization
      if (token !== undefined && said !== token) return response.writeHead(403).end('Permission denied')
      if (url === '/bad') return response.writeHead(400).end('the rules are\nwrong\u001b[2J')
      if (request.method === 'PUT') store.set(url, JSON.stringify({ ...JSON.parse(body), Index: 7 }))
      const found = store.get(url)
      return response.writeHead(found === undefined ? 404 : 200).end(found ?? 'not found')
    })
  }
  const server = tls === undefined ? createServer(handler) : createTlsServer(tls, handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  return { url: `http${tls ? 's' : ''}://127.0.0.1:${(server.address() as AddressInfo).port}`, store, requests, server }
}

// Nothing is written where the API is; what it keeps is the world.
const worldOf = ({ store }: Api) => ({ options: {}, snapshot: async () => [...store].flat() })
const at = (url: string, name: string, body: object, more: Partial<HttpOptions> = {}) =>
  http(name, {
    url,
    observe: `/v1/${encodeURIComponent(name)}`,
    want: body,
    apply: { method: 'PUT', path: `/v1/${encodeURIComponent(name)}`, body },
    ...more,
  })

test('law: created, changed and kept; hostile names and values', async (t) => {
  const one = await api(t)
  for (const name of HOSTILE) {
    t.deepEqual((await law(t, worldOf(one), at(one.url, name, { [name]: name }))).map(show), [
      'state: absent → present',
    ])
    t.deepEqual(
      (await law(t, worldOf(one), at(one.url, name, { [name]: 'x' }))).map(({ to }) => to),
      ['"x"'],
    )
  }
  await lawOfUnknown(t, worldOf(one), at(one.url, 'unknown', { a: 1 }))
  t.is(one.requests.find(({ method }) => method === 'PUT')?.headers['content-type'], 'application/json')
})

test('any JSON arrives as it is', async (t) => {
  const one = await api(t)
  const json = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }))
  await fc.assert(
    fc.asyncProperty(json, async (value) => {
      one.requests.length = 0
      const ran = await applyOnce(
        at(one.url, 'any', { '~': 0 }, { apply: { method: 'PUT', path: '/v1/any', body: value } }),
      )
      t.is(ran.code, 0, ran.stderr)
      t.deepEqual(JSON.parse(one.requests.at(-1)?.body ?? ''), JSON.parse(JSON.stringify(value)))
    }),
    { numRuns: 20 },
  )
})

test('a large body arrives whole', async (t) => {
  const one = await api(t)
  const body = { a: 'x"\\\n'.repeat(500_000) }
  const ran = await applyOnce(at(one.url, 'large', { b: 1 }, { apply: { method: 'PUT', path: '/v1/large', body } }))
  t.is(ran.code, 0, ran.stderr)
  t.true(one.requests.at(-1)?.body === `${JSON.stringify(body)}\n`)
})

test('the token is shown, and stands in no argument and no environment', async (t) => {
  const token = Secret.of('token', `a"b\\c'd$(id)`)
  const one = await api(t, token.reveal())
  const own = at(one.url, 'x', { ID: Secret.of('id', 'hidden-value') }, { token, tokenHeader: 'X-Token' })
  t.is(own.type.sensitive?.(own.want), true)
  await law(t, worldOf(one), own)
  t.is(one.store.get('/v1/x'), '{"ID":"hidden-value","Index":7}')
  const bearer = await api(t, `Bearer ${token.reveal()}`)
  await law(t, worldOf(bearer), at(bearer.url, 'x', { a: 1 }, { token }))
  t.deepEqual(await observe([at(one.url, 'x', { a: 1 })]), [noAnswer(403, 'Permission denied')])
  // a process that looks at all others while curl waits
  const slow = createServer(() => {})
  slow.listen(0, '127.0.0.1')
  await once(slow, 'listening')
  t.teardown(() => slow.closeAllConnections())
  t.teardown(() => void slow.close())
  const hangs = at(
    `http://127.0.0.1:${(slow.address() as AddressInfo).port}`,
    'x',
    { a: Secret.of('id', 'hidden-value') },
    { token, within: '1s' },
  )
  const look =
    'for i in 1 2 3 4 5; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr "\\0" " "; sleep 0.1; done'
  const text = await unobserved(hangs)
  const { stdout } = await fragment(`(\n${text}\n) & \n${look}\nwait`)
  t.regex(stdout, /curl -q --config -/)
  t.notRegex(stdout, /hidden-value|a"b/)
})

test('what depends on what there is', async (t) => {
  const one = await api(t)
  one.store.set('/v1/x', '{"ID":"id 1","Rules":"old"}')
  const resource = http('x', {
    url: one.url,
    observe: { method: 'POST', path: '/v1/x', body: { stmt: 'SELECT 1' } },
    want: { Rules: 'new' },
    apply: (have) => ({
      method: 'PUT',
      path: '/v1/x',
      body: { ID: have?.kind === 'present' ? (have.body as { ID: string }).ID : 'new', Rules: 'new' },
    }),
  })
  t.deepEqual((await law(t, worldOf(one), resource)).map(show), ['Rules: "old" → "new"'])
  t.is(one.store.get('/v1/x'), '{"ID":"id 1","Rules":"new","Index":7}')
  t.like(one.requests[0], { method: 'POST', body: '{"stmt":"SELECT 1"}\n' })
})

test('what does not answer is unknown, and asked once', async (t) => {
  const one = await api(t)
  const dead = await api(t)
  dead.server.close()
  await once(dead.server, 'close')
  let asked = 0
  const hanging = createServer(() => void asked++)
  hanging.listen(0, '127.0.0.1')
  await once(hanging, 'listening')
  t.teardown(() => hanging.closeAllConnections())
  t.teardown(() => void hanging.close())
  const slow = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`
  // as Consul without a leader, which looks for one before it says so
  let pondered = 0
  const pondering = createServer((_, answer) => {
    pondered++
    setTimeout(() => answer.writeHead(500).end('No cluster leader'), 3200)
  })
  pondering.listen(0, '127.0.0.1')
  await once(pondering, 'listening')
  t.teardown(() => void pondering.close())
  const leaderless = `http://127.0.0.1:${(pondering.address() as AddressInfo).port}`
  one.store.set('/v1/a', '{"a":1}')
  const all = [
    at(dead.url, 'c', {}),
    at(slow, 'd', {}),
    at(one.url, 'a', {}),
    at(slow, 'e', {}),
    at(dead.url, 'f', {}),
    at(one.url, 'b', {}),
    at(leaderless, 'g', {}),
    at(leaderless, 'h', {}),
  ]
  const silent = noAnswer(0, '')
  const have = [
    silent,
    silent,
    present({ a: 1 }),
    silent,
    silent,
    { kind: 'absent' },
    noAnswer(500, 'No cluster leader'),
    silent,
  ]
  t.deepEqual(await observe(all), have)
  t.is(asked, 1)
  t.is(pondered, 1)
  t.deepEqual(await observe([at(one.url, 'a', {})], { env: { PATH: '/nonexistent' } }), [NO_CURL])
})

test('fails with what the API says', async (t) => {
  const one = await api(t)
  const to = (path: string) => applyOnce(at(one.url, 'x', { a: 1 }, { apply: { method: 'POST', path, body: {} } }))
  const refused = await to('/bad')
  t.deepEqual([refused.code, refused.stderr], [1, `POST ${one.url}/bad answered 400: the rules are wrong [2J\n`])
  t.is((await to('/v1/x')).stderr, `POST ${one.url}/v1/x answered 404: not found\n`)
  one.server.close()
  await once(one.server, 'close')
  const resource = at(one.url, 'x', { a: 1 })
  const text = await unobserved(resource)
  const { code, stderr } = await fragment(text)
  t.is(code, 1)
  t.regex(stderr, /curl: \(7\) .*\nPUT .* failed \(curl exit 7\)\n$/)
})

test('TLS: by the CA that is named, and by no other', async (t) => {
  if (!existsSync('/usr/bin/openssl')) {
    t.log('skipped: no openssl here')
    return t.pass()
  }
  const directory = sandbox(t)
  const [key, cert] = [join(directory, 'key.pem'), join(directory, "it's a ca.pem")]
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
      '-subj',
      '/CN=x',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
    ],
    { stdio: 'pipe' },
  )
  const one = await api(t, undefined, { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') })
  t.deepEqual(
    await observe([
      at(one.url, 'x', {}),
      at(one.url, 'y', {}, { ca: cert }),
      at(one.url, 'z', {}, { ca: '/nonexistent' }),
    ]),
    [noAnswer(0, ''), { kind: 'absent' }, noAnswer(0, '')],
  )
  t.is((await differences(at(one.url, 'x', { a: 1 }, { ca: cert }))).length, 1)
})
