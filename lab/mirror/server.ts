/**
 * Serves release archives to the machines, as a mirror of their publishers.
 * Run as a program: `node lab/mirror/server.ts ADDRESS PORT DIRECTORY...`
 */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

async function answer(sites: readonly string[], req: IncomingMessage, res: ServerResponse): Promise<void> {
  const found = req.method === 'GET' || req.method === 'HEAD' ? await find(sites, req.url ?? '') : undefined
  if (!found) {
    res.writeHead(404).end('the mirror of the lab has no such file\n')
    return
  }
  res.writeHead(200, { 'content-length': found.size, 'content-type': 'application/octet-stream' })
  if (req.method === 'HEAD') res.end()
  else await pipeline(createReadStream(found.path), res)
}

/** The file of the first directory that has it. Nothing in an archive's name has to be decoded. */
async function find(sites: readonly string[], path: string): Promise<{ path: string; size: number } | undefined> {
  if (!/^(\/[A-Za-z0-9_+-][A-Za-z0-9._+-]*|\/\.well-known)+$/.test(path)) return undefined
  for (const site of sites) {
    const file = await stat(join(site, path)).catch(() => undefined)
    if (file?.isFile()) return { path: join(site, path), size: file.size }
  }
  return undefined
}

/** Starts the server; resolves when it listens. */
export async function serve(address: string, port: number, sites: readonly string[]): Promise<Server> {
  const server = createServer((req, res) => {
    answer(sites, req, res).catch((error: Error) => {
      console.error(`${req.url}: ${error.message}`)
      res.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve))
  return server
}

if (import.meta.main) {
  const [address = '', port = '', ...sites] = process.argv.slice(2)
  await serve(address, Number(port), sites)
}
