import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import { withApi } from '../../core/resources/shared/api-script.ts'
import { isSecret, revealed, Secret } from '../../core/secrets/secret.ts'
import { fragment } from './sh.ts'

test('a script asks an API, with a token that stands in no argument', async (t) => {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (piece: Buffer) => {
      body += piece
    })
    request.on('end', () => {
      const { method, url, headers } = request
      response.writeHead(url === '/missing' ? 404 : 200)
      response.end(`${method} ${url} ${headers['x-nomad-token'] ?? 'nobody'} ${body}`)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ask = async (text: string, token?: Secret) => {
    const script = withApi('x', { url, tokenHeader: 'X-Nomad-Token', ...(token && { token }) }, text)
    t.is(isSecret(script), token !== undefined)
    // what curl is started with, as ps would show it
    return fragment(`curl() { printf '%s ' "$@" >&2; command curl "$@"; }\n${revealed(script)}`)
  }
  const token = Secret.of('token', 's3cret"\\')
  const all = await ask('id=7 && api "/v1/x?[$id]" --data-binary \'{"a": 1}\' && echo', token)
  t.is(all.stdout, 'POST /v1/x?[7] s3cret"\\ {"a": 1}\n')
  t.false(all.stderr.includes('s3cret'), all.stderr)
  t.is((await ask('api /v1/y')).stdout, 'GET /v1/y nobody ')
  t.is((await ask('api /missing || echo "no: $?"')).stdout, 'no: 22\n')
})

test('a script asks an API as a user with a password', async (t) => {
  const server = createServer(({ headers }, response) => response.end(headers.authorization)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const script = withApi('x', { url, user: 'admin', token: Secret.of('password', 's3cret:"') }, 'api /')
  const { stdout } = await fragment(revealed(script) as string)
  t.is(stdout, `Basic ${Buffer.from('admin:s3cret:"').toString('base64')}`)
  t.throws(() => withApi('x', { url, user: 'a:b' }, ':'), { message: /not the name of a user/ })
  t.throws(() => withApi('x', { url, user: 'a b' }, ':'), { message: /not the name of a user/ })
})

test('an API that is elsewhere is refused', (t) => {
  t.throws(() => withApi('x', { url: 'https://10.33.0.2:4646' }, ':'), { message: /not the loopback/ })
})
