import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { PrivateKey } from 'openpgp'
import { artifact, atLeast, defineRole, play, z } from '../../core/index.ts'
import type { Opened } from '../../core/playbook.ts'
import { converge } from '../../core/site.ts'
import { parseCommandLine } from '../../core/terminal/cli.ts'
import type { RunEvent } from '../../core/terminal/events.ts'
import { fingerprintOf, makeKey, publishSigned } from '../artifacts/publisher.ts'
import { serve } from '../artifacts/server.ts'
import { me } from '../resources/law.ts'
import { toyHost } from './toy.ts'

const key = await makeKey()

// A cache of this test's own, for what the controller downloads.
const cache = mkdtempSync(join(tmpdir(), 'caravan-cache-'))
process.env.XDG_CACHE_HOME = cache
test.after.always(() => rmSync(cache, { recursive: true }))

/** A site of one role that installs Nomad on one host, from a mirror. */
const place = async (t: ExecutionContext, by: 'host' | 'controller', trusted: PrivateKey = key) => {
  const toy = toyHost(t)
  const files = new Map<string, Uint8Array>()
  const { url, requests } = await serve(t, files)
  const bin = join(toy.dir, 'opt')
  mkdirSync(bin)
  const role = defineRole(
    'toy',
    z.strictObject({ version: z.string().optional() }),
    ({ releases }) =>
      atLeast(releases('nomad').version, '1.6.0')
        ? [artifact('nomad', { ...releases('nomad'), to: join(bin, 'nomad'), ...me })]
        : [],
    { products: ({ version }) => ({ nomad: version }) },
  )
  const events: RunEvent[] = []
  const run = (nomad: string, ...flags: string[]) => {
    events.length = 0
    requests.length = 0
    const options = parseCommandLine(['--yes', ...flags], { playbook: 'toy', summary: '', examples: [] })
    const opened: Partial<Opened> = {
      options,
      inventory: {
        file: join(toy.dir, 'inventory.yaml'),
        cluster: { name: 'toy', datacenter: 'dc1', network: '127.0.0.0/8', expose: 'private' },
        hosts: [toy.host],
        groups: {},
        versions: { set: 'current', nomad },
        downloads: { mirror: url, by, keys: { hashicorp: fingerprintOf(trusted) } },
      },
      hosts: [toy.host],
      dir: toy.dir,
      fleet: {
        transport: () => toy.transport,
        connect: async () => {},
        ask: async () => {},
        dial: () => t.fail() as never,
        close: async () => {},
      },
      ui: { emit: (event: RunEvent) => void events.push(event) } as Opened['ui'],
      interactive: false,
    }
    return converge({ playbook: 'toy', plays: [play(role)] }, opened as Opened)
  }
  const errors = () => events.flatMap((event) => (event.event === 'error' ? [event.error.message] : []))
  return { toy, files, url, requests, nomad: join(bin, 'nomad'), lock: join(toy.dir, 'versions.lock'), run, errors }
}

for (const by of ['host', 'controller'] as const)
  test.serial(`by ${by}: check, install, nothing to do, upgrade`, async (t) => {
    const { toy, files, requests, nomad, lock, run } = await place(t, by)
    const old = await publishSigned(files, key, 'nomad', '1.6.1')
    await publishSigned(files, key, 'nomad', '1.6.2')
    t.is(await run('1.6.1', '--check'), 2)
    t.false(existsSync(lock) || existsSync(nomad), 'a check writes nothing')
    t.is(await run('1.6.1'), 0)
    t.is(requests.filter((path) => path === old.amd64 || path.endsWith('_arm64.zip')).length, 1)
    t.regex(readFileSync(nomad, 'utf8'), /echo nomad 1\.6\.1 for/)
    t.regex(readFileSync(lock, 'utf8'), /^nomad:\n {2}1\.6\.1:\n {4}verified: signature [0-9A-F]{40}$/m)
    const round = toy.scripts.length
    t.is(await run('1.6.1'), 0)
    t.deepEqual([requests, toy.scripts.length - round], [[], 1], 'no request but one look at the host')
    t.is(await run('1.6.2'), 0)
    t.regex(readFileSync(nomad, 'utf8'), /echo nomad 1\.6\.2 for/)
    t.deepEqual(readFileSync(lock, 'utf8').match(/^ {2}[0-9.]+:$/gm), ['  1.6.1:', '  1.6.2:'])
  })

for (const by of ['host', 'controller'] as const)
  test.serial(`by ${by}: a tampered archive under the right sums`, async (t) => {
    const { files, url, nomad, run, errors } = await place(t, by)
    await publishSigned(files, key, 'nomad', '1.6.3')
    for (const path of files.keys()) if (path.endsWith('.zip')) files.set(path, Buffer.from('tampered'))
    t.is(await run('1.6.3'), 1)
    t.is(errors().length, 1)
    const [message = ''] = errors()
    t.true(message.includes(`${url}/releases.hashicorp.com/nomad/1.6.3/nomad_1.6.3_linux_`), message)
    t.regex(message, /is not what was pinned: expected sha256 [0-9a-f]{64}, got [0-9a-f]{64} \(8 bytes\)/)
    t.false(existsSync(nomad))
  })

test.serial('sums that cannot be trusted end the run before any host is asked anything', async (t) => {
  const { toy, files, nomad, lock, run } = await place(t, 'host', await makeKey())
  await publishSigned(files, key, 'nomad', '1.6.1')
  await t.throwsAsync(run('1.6.1'), { message: /should be the key [0-9A-F]{40} of hashicorp, but holds/ })
  t.deepEqual([toy.scripts, existsSync(lock), existsSync(nomad)], [[], false, false])
})
