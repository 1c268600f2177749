import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'

/** A server of files that counts what was asked of it. A path that it does not know is a page that says so. */
export const serve = async (t: ExecutionContext, files: ReadonlyMap<string, Uint8Array>) => {
  const requests: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    requests.push(path)
    if (path === '/hang.zip') return void response.writeHead(200)
    if (path === '/moved.zip') return void response.writeHead(302, { location: '/x.zip' }).end()
    if (path === '/portal.zip') return void response.end('<!DOCTYPE HTML>\n<html>Please log in</html>')
    if (path === '/empty.zip') return void response.end()
    const content = files.get(path)
    return void response.writeHead(content === undefined ? 404 : 200).end(content ?? '<html>not found</html>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, server }
}

export const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex')
