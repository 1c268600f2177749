import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import { width } from '../../core/terminal/text.ts'

/** MiB that a run on 50 hosts may take at most. */
const MEMORY = 200
/** By how much a host may cost more among 50 than among 10. */
const LINEAR = 2

type Cost = Readonly<{ cpu: Readonly<Record<'quiet' | 'check' | 'apply', number>>; mib: number }>

const fleet = async (hosts: number, columns: number): Promise<{ screen: string; errors: string; cost: Cost }> => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'fleet.ts'), `${hosts}`, `${columns}`])
  const [screen, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  const errors = stderr.trimEnd().split('\n')
  return { screen, cost: JSON.parse(errors.pop() ?? '') as Cost, errors: errors.join('\n') }
}

// Hosts work side by side, so their lines come in any order; and no two runs take as long.
const APPLIED = /^node-\d+ +(?:changed|met|failed) .*\n/gm
const still = (screen: string): string =>
  screen
    .replaceAll(APPLIED, '')
    .replaceAll(/ +\d+\.\d$/gm, '      …')
    .replaceAll(/^\d+ hosts · [^=]*?[\d.]+ s$/gm, (end) => end.replaceAll(/\s+/g, ' ').replace(/[\d.]+ s$/, '… s'))

const looksLike = (t: ExecutionContext, name: string, screen: string): void => {
  const file = join(import.meta.dirname, 'screens', `${name}.txt`)
  if (process.env.UPDATE_SCREENS === '1') {
    mkdirSync(join(import.meta.dirname, 'screens'), { recursive: true })
    writeFileSync(file, screen)
  }
  t.is(screen, readFileSync(file, 'utf8'))
}

test.serial('50 hosts are readable, take little memory, and cost what 10 cost, five times', async (t) => {
  t.timeout(300_000)
  const [ten, fifty] = [await fleet(10, 80), await fleet(50, 80)]
  looksLike(t, 'fleet-50-at-80', still(fifty.screen))
  t.is(fifty.screen.match(APPLIED)?.length, 49 * 3 + 4 + 1, 'a line for each resource that was applied or waited for')
  t.is(fifty.errors.match(/no route to host/g)?.length, 3, 'beside both plans, and at the end')
  t.regex(fifty.errors, /^node-3 › docker › broken disk: apply failed: no space left on device \(exit 1\)$/m)
  t.true(fifty.cost.mib < MEMORY)
  for (const kind of ['quiet', 'check', 'apply'] as const) {
    const [one, other] = [ten.cost.cpu[kind] / 10, fifty.cost.cpu[kind] / 50]
    t.log(`${kind}: ${(one * 1000).toFixed(1)} ms of CPU for one of 10 hosts, ${(other * 1000).toFixed(1)} ms of 50`)
    t.true(other < one * LINEAR, kind)
  }
  t.log(`memory: ${ten.cost.mib.toFixed()} MiB for 10 hosts, ${fifty.cost.mib.toFixed()} MiB for 50`)
})

test.serial('a wide terminal is used, and a narrow one is kept to', async (t) => {
  t.timeout(300_000)
  const { screen } = await fleet(20, 200)
  looksLike(t, 'fleet-20-at-200', still(screen))
  const tooWide = (columns: number) => (line: string) => width(line) > columns
  t.deepEqual(screen.split('\n').filter(tooWide(200)), [])
  const narrow = readFileSync(join(import.meta.dirname, 'screens/fleet-50-at-80.txt'), 'utf8')
  t.deepEqual(
    narrow.split('\n').filter((line) => tooWide(80)(line) && !line.includes('·')),
    [],
  )
})
