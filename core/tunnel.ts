import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { connect } from 'node:tls'
import type { Host } from './declare/host.ts'
import { CaravanError } from './errors.ts'
import { type Opened, type Playbook, runPlaybook } from './playbook.ts'
import { printError } from './terminal/errors.ts'

/** A page that a program serves on the loopback of its host. */
export type Page = Readonly<{
  name: string
  /** TCP, on the host; the same here if it is free. */
  port: number
  /** Such as `/ui/`. */
  path: string
  /** Where the host keeps the certificate of the CA that its TLS is by; the browser here then needs to know none. */
  ca?: string
  /** How a person signs in, in a few words. */
  signIn?: string
}>

/**
 * Opens pages of the first host, of those that `--limit` leaves, that serves them: each on a port of this computer's
 * loopback, through SSH, until Ctrl-C.
 */
export const tunnel = (definition: Playbook, pages: readonly Page[]): Promise<void> =>
  runPlaybook(definition, [], async (opened) => {
    const lines = await Promise.all(pages.map((page) => serve(opened, page)))
    const open = lines.filter((line) => line !== undefined)
    if (open.length === 0)
      throw new CaravanError('no host serves any of the pages', { hint: 'npx zx playbooks/status.mjs says what runs' })
    printLine('Ctrl-C closes them.')
    if (opened.interactive) for (const { url } of open) browse(url)
    await once(process, 'SIGINT')
    for (const { server } of open) server.close()
    return 0
  })

type Line = Readonly<{ url: string; server: Server }>

const serve = async (opened: Opened, page: Page): Promise<Line | undefined> => {
  const found = await firstThatServes(opened, page)
  if (found === undefined) return void printLine(`${page.name.padEnd(8)}  on no host`)
  const { host, ca } = found
  const server = createServer({ allowHalfOpen: true }, (browser) => {
    const far = reach(opened, host, page, ca)
    Promise.all([pipeline(browser, far), pipeline(far, browser)]).catch(() => {
      browser.destroy()
      far.destroy()
    })
  })
  const url = `http://127.0.0.1:${await listen(server, page.port)}${page.path}`
  printLine(`${page.name.padEnd(8)}  ${url}  (${host.name}${page.signIn === undefined ? '' : `; ${page.signIn}`})`)
  return { url, server }
}

const firstThatServes = async (
  { hosts, fleet }: Opened,
  { port, ca }: Page,
): Promise<{ host: Host; ca: string | undefined } | undefined> => {
  const script = `ss -Hltn "sport = :${port}" | grep -q . || exit 3\n${ca === undefined ? '' : `cat '${ca}'`}`
  for (const host of hosts) {
    const { code, stdout } = await fleet.transport(host).run(script).catch(tellAnd(NOTHING))
    if (code === 0) return { host, ca: ca === undefined ? undefined : stdout.toString() }
  }
  return undefined
}

const printLine = (line: string): void => void process.stdout.write(`${line}\n`)

const NOTHING = { code: 1, stdout: Buffer.alloc(0) }

// a host that is down does not keep the pages of the others away
const tellAnd =
  <T>(value: T) =>
  (error: unknown): T => {
    printError(error, { json: false, verbose: false })
    return value
  }

const reach = ({ fleet }: Opened, host: Host, { port }: Page, ca: string | undefined): Duplex => {
  const line = fleet.dial(host, port)
  line.on('error', (error) => printError(error, { json: false, verbose: false }))
  if (ca === undefined) return line
  const secured = connect({ socket: line, ca, servername: 'localhost' })
  secured.on('error', () => line.destroy())
  return secured
}

/** The port itself, or any other where it is taken here. */
const listen = async (server: Server, port: number): Promise<number> => {
  for (const wanted of [port, 0]) {
    server.listen(wanted, '127.0.0.1')
    const failed = await Promise.race([once(server, 'listening').then(() => undefined), once(server, 'error')])
    const bound = server.address()
    if (failed === undefined && bound !== null && typeof bound === 'object') return bound.port
  }
  throw new CaravanError('no port of this computer can be listened on')
}

// A browser that cannot be started is no failure: the address is on the screen.
const browse = (url: string): void => {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
  spawn(program, [url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref()
}
