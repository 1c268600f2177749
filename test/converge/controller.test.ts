import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { z } from 'zod'
import { controllerHost } from '../../core/declare/host.ts'
import { play } from '../../core/declare/play.ts'
import { apiType, declare, type Resource } from '../../core/declare/resource.ts'
import { defineRole } from '../../core/declare/role.ts'
import { ApplyError, ProbeError } from '../../core/errors.ts'
import { note, planned, type ToyHost, toyHost, toyRun } from './toy.ts'

/** A vendor that keeps one text per name: GET and PUT /names/NAME. */
const vendor = async (t: ExecutionContext) => {
  const texts = new Map<string, string>()
  let refuse = false
  const server = createServer((request, response) => {
    const name = decodeURIComponent(request.url?.slice('/names/'.length) ?? '')
    if (refuse) return response.writeHead(503).end('try later')
    if (request.method === 'GET') return response.writeHead(texts.has(name) ? 200 : 404).end(texts.get(name))
    let body = ''
    request.on('data', (piece) => {
      body += piece
    })
    request.on('end', () => {
      texts.set(name, body)
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/names/`
  const type = apiType<{ text: string }, string | undefined>({
    name: 'text',
    diff: ({ text }, have) => (text === have ? [] : [{ property: 'text', from: have ?? '(absent)', to: text }]),
    api: {
      observe: async (all, fetch) => {
        const read = async ({ id }: Resource): Promise<[string, string | undefined]> => {
          const response = await fetch(url + encodeURIComponent(id))
          if (response.status === 503) throw new ProbeError(`the vendor says: ${await response.text()}`)
          return [id, response.ok ? await response.text() : undefined]
        }
        return new Map(await Promise.all(all.map(read)))
      },
      change: async ({ id, want }, fetch) => {
        const response = await fetch(url + encodeURIComponent(id), { method: 'PUT', body: want.text })
        if (!response.ok) throw new ApplyError(`the vendor refuses: ${response.status}`)
      },
    },
  })
  const text = (id: string, value: string) => declare(type, id, { text: value })
  const setRefuse = (value: boolean) => {
    refuse = value
  }
  return { texts, text, setRefuse }
}

const runOn = (
  toys: readonly ToyHost[],
  resources: () => readonly Resource[],
  on = 'controller',
  more: Parameters<typeof toyRun>[2] = {},
) => {
  const plays = [
    play(defineRole('vendor', z.strictObject({}), resources), { on }),
    play(
      defineRole('host', z.strictObject({}), ({ host }) => [
        note(`${toys.find((toy) => toy.host.name === host.name)?.dir}/a`, '1'),
      ]),
    ),
  ]
  const hosts = [controllerHost, ...toys.map(({ host }) => host)]
  return toyRun(toys, {}, { plays, selected: new Set([0, 1]), hosts, ...more })
}

test('what is behind an API is planned, changed and verified, without a round trip', async (t) => {
  const { text, texts } = await vendor(t)
  const toy = toyHost(t)
  const resources = () => [text("a $(b) 'c'", 'one'), text('two', 'zwei')]
  const first = await runOn([toy], resources)
  t.deepEqual(first.errors, [])
  t.is(first.exit, 0)
  t.deepEqual(planned(first, 'controller'), ["firm text a $(b) 'c'", 'firm text two'])
  t.is(texts.get("a $(b) 'c'"), 'one')
  t.like(first.summary.hosts.controller, { changed: 2, roundTrips: 0, apiRequests: 6 })
  const second = await runOn([toy], resources)
  t.like(second.summary.hosts.controller, { changed: 0, unchanged: 2, roundTrips: 0, apiRequests: 2 })
})

test('--check only reads', async (t) => {
  const { text, texts } = await vendor(t)
  const result = await runOn([toyHost(t)], () => [text('a', 'one')], 'controller', { check: true })
  t.is(result.exit, 2)
  t.is(texts.size, 0)
})

test('a vendor that does not answer fails the controller, and the hosts go on', async (t) => {
  const { text, setRefuse } = await vendor(t)
  setRefuse(true)
  const result = await runOn([toyHost(t)], () => [text('a', 'one')])
  t.is(result.exit, 1)
  t.deepEqual(result.errors, ['the vendor says: try later'])
  t.is(result.summary.hosts['node-1']?.changed, 1)
})

test('things of a host and things behind an API are not mixed up', async (t) => {
  const { text } = await vendor(t)
  const toy = toyHost(t)
  const onController = await runOn([toy], () => [note('/tmp/a', '1')])
  t.regex(onController.errors.join(), /note is a thing on a host: it cannot be declared for controller/)
  const onHost = await runOn([toy], () => [text('a', 'one')], 'all')
  t.regex(onHost.errors.join(), /text is behind an API: declare it in a play on controller/)
})
