import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { labUp } from '../../lab/index.ts'
import { inventoryText, NODES } from './machines.ts'

const execute = promisify(execFile)
const project = join(import.meta.dirname, '../..')

/** Runs the example of docs/playbooks.md as a person would. */
const uptime = (...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
  execute('node_modules/.bin/node', ['node_modules/.bin/zx', 'test/examples/uptime.mjs', ...args], {
    cwd: project,
  }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )

test('a playbook of one’s own prints what it found on each host, also under --check', async (t) => {
  await labUp({ nodes: NODES.length, log: t.log })
  const { code, stdout, stderr } = await uptime('--lab', '--check')
  t.is(code, 0, stderr)
  const lines = stdout.trimEnd().split('\n').sort()
  t.is(lines.length, NODES.length)
  for (const [index, name] of NODES.entries())
    t.regex(lines[index] ?? '', new RegExp(`^${name} {2}\\d+\\.\\d\\d \\d+\\.\\d\\d \\d+\\.\\d\\d {2}\\S`))
  t.is((await uptime('--lab', '--limit', 'node-2')).stdout.trimEnd().split('\n').length, 1)
})

test('each host that fails is told by its name, after what the others said', async (t) => {
  await labUp({ nodes: NODES.length, log: t.log })
  const room = mkdtempSync(join(tmpdir(), 'caravan-example-'))
  t.teardown(() => rmSync(room, { recursive: true }))
  const inventory = join(room, 'inventory.yaml')
  // nothing listens on port 1
  writeFileSync(inventory, inventoryText().replaceAll(/( {2}node-[13]:\n)/g, '$1    port: 1\n'))
  const { code, stdout, stderr } = await uptime('--inventory', inventory)
  t.is(code, 1)
  t.regex(stdout, /^node-2 {2}[^\n]+\n$/)
  for (const name of ['node-1', 'node-3'])
    t.regex(stderr, new RegExp(`^${name}: .* refuses connections on port 1$`, 'm'))
  t.notRegex(stderr, /node_modules|defect/)
})
