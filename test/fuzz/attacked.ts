// A run on one good and one hostile host, as a person would see it: `node attacked.ts ATTACK|none SEED DIRECTORY`.
// The last line of stderr tells what became of the good host, and what the run cost.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { factsCache } from '../../core/converge/facts-cache.ts'
import { localTransport } from '../../core/remote/local.ts'
import { printError } from '../../core/terminal/errors.ts'
import { createUi } from '../../core/terminal/ui.ts'
import { note, type ToyHost, toyHost, toyRun } from '../converge/toy.ts'

const json = process.env.AS_JSON === '1'
const [, , attack = 'none', seed = '1', directory = ''] = process.argv
const ends: (() => unknown)[] = []
const t = { teardown: (end: () => unknown) => ends.push(end) } as unknown as ExecutionContext

const hostile = (toy: ToyHost): ToyHost => {
  const local = localTransport()
  const attacker = join(import.meta.dirname, 'attacker.ts')
  const command = `exec '${process.execPath}' '${attacker}' '${attack}' ${seed}`
  const transport: ToyHost['transport'] = {
    ...toy.transport,
    run: (script, options) => local.send(command, Buffer.from(script), { ...options, timeout: 60 }),
    send: (_, input, options) => local.send(command, input, options),
  }
  return { ...toy, transport }
}

const good = toyHost(t, 'good')
const hosts = attack === 'none' ? [good] : [hostile(toyHost(t, 'evil')), good]
const ui = createUi({
  json,
  verbose: true,
  diff: true,
  isTTY: true,
  columns: 100,
  env: { TERM: 'xterm', NO_COLOR: '1' },
  recordDir: join(directory, 'runs'),
})
const began = performance.now()
let fate: unknown
try {
  const roles = { first: (dir: string) => [note(`${dir}/a`, '1'), note(`${dir}/b`, '2')] }
  const cache = factsCache(join(directory, 'facts'))
  const { events, summary } = await toyRun(hosts, roles, { emit: ui.emit, cache, approve: async () => true })
  const plan = events.find((event) => event.event === 'plan')
  const { seconds: _, ...counts } = summary.hosts.good ?? {}
  const told = events.flatMap((event) => ('host' in event && event.host === 'good' ? [event.event] : []))
  fate = { plan: plan?.hosts.good, unchanged: plan?.unchanged.good, counts, told }
} catch (error) {
  printError(error, { json, verbose: false })
} finally {
  await ui.close()
  for (const end of ends) end()
}
const files = readdirSync(directory, { recursive: true }).sort()
const cost = { seconds: (performance.now() - began) / 1000, mib: process.resourceUsage().maxRSS / 1024 }
process.stderr.write(`\n${JSON.stringify({ good: fate, files, ...cost }).replaceAll(good.dir, '')}\n`)
