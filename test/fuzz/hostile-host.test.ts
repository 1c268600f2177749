import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { attacks } from './attacker.ts'
import { seed } from './seed.ts'

/** MiB that a hostile host may cost the controller at once, beyond what a run costs anyway. */
const MEMORY = 128
/** Characters that a hostile host may put on the screen. */
const SCREEN = 64 * 1024

type Told = Readonly<{ good: unknown; files: readonly string[]; seconds: number; mib: number }>
type Attacked = Told & Readonly<{ screen: string; record: string; elsewhere: readonly string[] }>

const attacked = async (t: ExecutionContext, attack: string, json = false): Promise<Attacked> => {
  const [directory, cwd] = [mkdtempSync(join(tmpdir(), 'caravan-kept-')), mkdtempSync(join(tmpdir(), 'caravan-cwd-'))]
  const program = join(import.meta.dirname, 'attacked.ts')
  const env = { ...process.env, AS_JSON: json ? '1' : '' }
  const child = spawn(process.execPath, [program, attack, String(seed), directory], { cwd, env })
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once('exit', resolve)),
  ])
  const lines = stderr.trimEnd().split('\n')
  const told = lines.pop() ?? ''
  t.is(code, 0, stderr)
  const record = join(directory, 'runs/test.ndjson')
  try {
    return {
      ...(JSON.parse(told) as Told),
      screen: stdout + lines.join('\n'),
      record: readFileSync(record, 'utf8'),
      elsewhere: readdirSync(cwd),
    }
  } finally {
    for (const one of [directory, cwd]) rmSync(one, { recursive: true })
  }
}

// What listr2 moves the cursor with; everything else that a terminal obeys can only be the host's.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const ours = /\u001b\[(?:\?25[hl]|\d*[AGK])|\r/g
const strange = /[^\P{C}\n]|\p{Zl}|\p{Zp}/gu

const chosen = (): readonly string[] => {
  const all = Object.keys(attacks)
  if (process.env.CARAVAN_FUZZ !== undefined) return all
  return fc.sample(fc.shuffledSubarray(all, { minLength: 4, maxLength: 4 }), { numRuns: 1, seed })[0] ?? []
}

let peace: Promise<Attacked> | undefined

for (const attack of chosen())
  test.serial(`a hostile host: ${attack}`, async (t) => {
    t.timeout(120_000)
    peace ??= attacked(t, 'none')
    const [before, war] = [await peace, await attacked(t, attack)]
    t.log(`seed ${seed}: ${war.seconds.toFixed(1)} s, ${(war.mib - before.mib).toFixed()} MiB more than without it`)
    t.true(war.mib - before.mib < MEMORY)
    t.true(war.seconds < 20)
    t.deepEqual(war.screen.replaceAll(ours, '').match(strange) ?? [], [])
    t.true(war.screen.length < SCREEN, `${war.screen.length} characters on the screen`)
    t.true(war.record.length < SCREEN, `${war.record.length} characters in the record`)
    t.deepEqual(war.record.match(strange) ?? [], [])
    for (const line of war.record.trimEnd().split('\n')) t.notThrows(() => JSON.parse(line))
    t.deepEqual(war.elsewhere, [])
    t.deepEqual(
      war.files.filter((file) => file !== 'facts/evil.json'),
      before.files,
    )
    // a host that says that somebody else holds it stops a run, as it should
    if (attack !== 'a lease of 10 MiB') t.deepEqual(war.good, before.good)
  })

test('its words are as harmless in --json', async (t) => {
  const { screen } = await attacked(t, 'escape codes as state', true)
  t.true(screen.includes('\\u001b]52;c;b3duZWQ='))
  t.deepEqual(screen.match(strange) ?? [], [])
  for (const line of screen.trimEnd().split('\n')) t.notThrows(() => JSON.parse(line))
})
