import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { obtain } from '../../core/artifacts/cache.ts'
import { ApplyError } from '../../core/errors.ts'
import { sandbox } from '../resources/law.ts'
import { serve, sha256 } from './server.ts'

const content = Buffer.from('x'.repeat(300_000))
const sum = sha256(content)
const other = 'a'.repeat(64)

// One directory for each test, which therefore run one after the other.
const freshCache = (t: ExecutionContext): void => {
  process.env.XDG_CACHE_HOME = sandbox(t)
}
const inCache = () => {
  const path = join(process.env.XDG_CACHE_HOME ?? '', 'caravan/artifacts')
  return existsSync(path) ? readdirSync(path) : []
}

test.serial('downloaded once, for all that ask at the same time and later', async (t) => {
  freshCache(t)
  const { url, requests } = await serve(t, new Map([['/x.zip', content]]))
  const one = { url: `${url}/x.zip`, sha256: sum, deadline: 10 }
  for (const bytes of await Promise.all([obtain(one), obtain(one), obtain(one)])) t.deepEqual(bytes, content)
  t.deepEqual(await obtain({ ...one, url: 'http://127.0.0.1:9/gone' }), content)
  t.deepEqual(requests, ['/x.zip'])
  t.deepEqual(inCache(), [sum])
})

test.serial('downloaded from servers that send all at once and close the connection', async (t) => {
  freshCache(t)
  for (const size of [80_000, 90_000, 100_000, 110_000, 4_000_000]) {
    const big = Buffer.alloc(size, 'x')
    const server = createServer((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`)
        socket.end(big)
      })
    }).listen(0, '127.0.0.1')
    t.teardown(() => void server.close())
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.zip`
    t.is((await obtain({ url, sha256: sha256(big), deadline: 30 })).length, size)
  }
})

test.serial('what lies in the cache is checked, and replaced when it is not right', async (t) => {
  freshCache(t)
  const { url, requests } = await serve(t, new Map([['/x.zip', content]]))
  const path = join(process.env.XDG_CACHE_HOME ?? '', 'caravan/artifacts')
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, sum), content.subarray(1))
  t.deepEqual(await obtain({ url: `${url}/moved.zip`, sha256: sum, deadline: 10 }), content)
  t.deepEqual(requests, ['/moved.zip', '/x.zip'])
  t.deepEqual(inCache(), [sum])
})

test.serial('the message names the URL, what was expected and what came; nothing is kept', async (t) => {
  freshCache(t)
  const { url, server } = await serve(t, new Map([['/x.zip', content]]))
  const fails = async (path: string, message: string | RegExp, deadline = 10) => {
    const error = await t.throwsAsync(obtain({ url: `${url}${path}`, sha256: other, deadline }), {
      instanceOf: ApplyError,
    })
    if (typeof message === 'string') t.is(error.message, `${url}${path} ${message}`)
    else t.regex(error.message, message)
    t.deepEqual(inCache(), [])
  }
  await fails('/x.zip', `is not what was pinned: expected sha256 ${other}, got ${sum} (300000 bytes)`)
  await fails('/portal.zip', /expected sha256 a{64}, got [0-9a-f]{64} \(42 bytes, an HTML page\)$/)
  await fails('/empty.zip', /\(0 bytes\)$/)
  await fails('/none.zip', 'could not be downloaded: the server answered 404 Not Found')
  await fails('/hang.zip', 'could not be downloaded: not within 1 s', 1)
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  await fails('/x.zip', /could not be downloaded: connect ECONNREFUSED/)
})
