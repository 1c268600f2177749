import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'
import { isSecret, revealed, type Secret } from '../../core/secrets/secret.ts'
import { fragment } from '../resources/sh.ts'

/** The API that a fragment would ask, and the token that it must show. */
export type Api = Readonly<{ url: string; header: string; token: Secret }>

/** Status and text by path and query; a missing one is 404. */
export type Answers = Readonly<Record<string, readonly [status: number, text: string]>>

/**
 * Runs a secret fragment by the real `sh` against a server that gives these answers in the API's place. `asked` tells
 * method, path and whether the token was right.
 */
export const againstApi = async (
  t: ExecutionContext,
  { url, header, token }: Api,
  script: unknown,
  answers: Answers,
) => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(`${request.method} ${path} ${request.headers[header] === token.reveal()}`)
    const [status, text] = answers[path] ?? [404, 'Invalid method']
    response.writeHead(status).end(text)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.true(isSecret(script))
  const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { code, stdout, stderr } = await fragment((revealed(script) as string).replaceAll(url, here))
  return { code, stdout, stderr, asked }
}
