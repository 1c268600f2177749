/**
 * The machines' only way out: an HTTP proxy that forwards to this computer's own apt sources and to nothing else.
 * Run as a program: `node lab/apt-proxy.ts ADDRESS PORT CACHE_DIRECTORY SOURCE_URL...`
 */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** Which addresses may be asked for: `http://HOST` as the machines know it → where it really is. */
export type Upstreams = ReadonlyMap<string, URL>

/** The machines always say http; an https source is spoken to in https from here. */
export function upstreams(sourceUrls: readonly string[]): Upstreams {
  return new Map(sourceUrls.map((url) => [new URL(url).host, new URL(new URL(url).origin)]))
}

/** Where a proxied request goes, or undefined when it is not for one of the apt sources. */
export function target(allowed: Upstreams, requested: string): URL | undefined {
  if (!URL.canParse(requested)) return undefined
  const url = new URL(requested)
  const origin = allowed.get(url.host)
  if (url.protocol !== 'http:' || !origin) return undefined
  return new URL(url.pathname + url.search, origin)
}

/** A package in the pool never changes under its name, so that it can be kept for ever; an index can not. */
export function isImmutable(url: URL): boolean {
  return url.pathname.includes('/pool/') && url.pathname.endsWith('.deb')
}

async function answer(allowed: Upstreams, cache: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const url = target(allowed, req.url ?? '')
  if (!url || (req.method !== 'GET' && req.method !== 'HEAD')) {
    res.writeHead(403).end(`the lab's proxy forwards to ${[...allowed.keys()].join(', ')} only\n`)
    return
  }
  if (req.method === 'GET' && isImmutable(url)) await fromCache(url, cache, res)
  else await forward(url, req, res)
}

async function fromCache(url: URL, cache: string, res: ServerResponse): Promise<void> {
  const path = join(cache, `${createHash('sha256').update(url.href).digest('hex')}.deb`)
  const size = await stat(path).then(
    ({ size }) => size,
    () => undefined,
  )
  if (size === undefined) return download(url, path, res)
  res.writeHead(200, { 'content-length': size, 'content-type': 'application/vnd.debian.binary-package' })
  await pipeline(createReadStream(path), res)
}

let downloads = 0

/** Passes a package on and keeps it: under a name of its own first, as two machines may ask for it at once. */
async function download(url: URL, path: string, res: ServerResponse): Promise<void> {
  const upstream = await fetchUpstream(url, { host: url.host }, 'GET')
  res.writeHead(upstream.statusCode ?? 502, passedOn(upstream))
  if (upstream.statusCode !== 200) return pipeline(upstream, res)
  const part = `${path}.${process.pid}.${downloads++}.part`
  const file = createWriteStream(part)
  upstream.pipe(res)
  try {
    await pipeline(upstream, file)
    const complete = file.bytesWritten === Number(upstream.headers['content-length'])
    await (complete ? rename(part, path) : rm(part))
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

async function forward(url: URL, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { 'proxy-connection': _, ...headers } = req.headers
  const upstream = await fetchUpstream(url, { ...headers, host: url.host }, req.method ?? 'GET')
  res.writeHead(upstream.statusCode ?? 502, passedOn(upstream))
  await pipeline(upstream, res)
}

function fetchUpstream(url: URL, headers: NodeJS.Dict<string | string[]>, method: string): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, timeout: 60_000 }, resolve)
    asked.on('timeout', () => asked.destroy(new Error('no answer within 60 s')))
    asked.on('error', reject).end()
  })
}

function passedOn({ headers }: IncomingMessage): NodeJS.Dict<string | string[]> {
  const { connection: _, 'transfer-encoding': __, ...rest } = headers
  return rest
}

/** Starts the proxy; resolves when it listens. */
export async function serve(address: string, port: number, cache: string, allowed: Upstreams): Promise<Server> {
  await mkdir(cache, { recursive: true })
  const server = createServer((req, res) => {
    answer(allowed, cache, req, res).catch((error: Error) => {
      console.error(`${req.url}: ${error.message}`)
      if (res.headersSent) res.destroy()
      else res.writeHead(502).end(`${error.message}\n`)
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve))
  return server
}

if (import.meta.main) {
  const [address = '', port = '', cache = '', ...urls] = process.argv.slice(2)
  await serve(address, Number(port), cache, upstreams(urls))
}
