import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import test from 'ava'

// A real terminal, by script(1) of util-linux.
const program = 'script'
const missing = spawnSync(program, ['--version']).error !== undefined
const onTerminal = missing ? test.skip : test.serial
if (missing) console.log('skipped: the set-up on a terminal needs script(1) of util-linux')

const room = mkdtempSync(join(tmpdir(), 'cv-setup-tty-'))
test.after.always(() => rmSync(room, { recursive: true }))
const ctrlC = '\u0003'
const inventory = join(room, 'inventory.yaml')

/** Runs the set-up on a terminal; each answer is typed once its question appears. */
const walk = async (argv: readonly string[], answers: readonly (readonly [question: string, keys: string])[]) => {
  const words = [process.execPath, 'node_modules/.bin/zx', 'playbooks/setup.mjs', '--inventory', inventory, ...argv]
  const command = `stty cols 120 rows 40; exec ${words.map((word) => `'${word}'`).join(' ')}`
  const child = spawn(program, ['-qefc', command, '/dev/null'], {
    env: { PATH: process.env.PATH, HOME: room, TERM: 'xterm-256color' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const left = [...answers]
  let [screen, seen] = ['', 0]
  child.stdout.on('data', (piece) => {
    screen += stripVTControlCharacters(String(piece))
    const [question, keys] = left[0] ?? []
    const at = question === undefined ? -1 : screen.indexOf(question, seen)
    if (question === undefined || keys === undefined || at < 0) return
    seen = at + question.length
    left.shift()
    child.stdin.write(keys)
  })
  const late = setTimeout(() => child.kill(), 30_000)
  const [code] = await once(child, 'close')
  clearTimeout(late)
  return { code, screen: screen.replaceAll('\r', '') }
}

onTerminal('hosts of the ssh configuration can be picked, and none need be', async (t) => {
  mkdirSync(join(room, '.ssh'), { recursive: true })
  writeFileSync(join(room, '.ssh', 'config'), 'Host web-1 web-2 db-1\nHost *\n  Compression yes\n')
  const picked = await walk(
    [],
    [
      ['Which hosts of your ssh configuration?', ' \u001b[B\u001b[B '],
      ['✔ db-1', '\r'],
      ['SSH user', ctrlC],
    ],
  )
  t.regex(picked.screen, /Which hosts of your ssh configuration\? .* · web-1, db-1/)
  const typed = await walk(
    [],
    [
      ['Which hosts of your ssh configuration?', '\r'],
      ['Machines:', ctrlC],
    ],
  )
  t.regex(typed.screen, /stopped: nothing was written/)
  rmSync(join(room, '.ssh'), { recursive: true })
})

onTerminal('Ctrl-C at a question ends it in one line, and nothing is written', async (t) => {
  const { code, screen } = await walk([], [['Machines:', ctrlC]])
  t.is(code, 1)
  t.regex(screen, /\nstopped: nothing was written\n$/)
  t.notRegex(screen, /Error|ERR_|try:/)
  t.false(existsSync(inventory))
})

onTerminal('a column of addresses can be pasted', async (t) => {
  const pasted = '203.0.113.1\r203.0.113.2\r203.0.113.3\r'
  const { code, screen } = await walk(
    [],
    [
      ['Machines:', pasted],
      ['SSH user', ctrlC],
    ],
  )
  t.is(code, 1)
  t.regex(screen, /Machines: .* · 203\.0\.113\.1 203\.0\.113\.2 203\.0\.113\.3/)
})

onTerminal('what is wrong with an answer is said at once, and it can be mended', async (t) => {
  const { screen } = await walk(
    ['--hosts', '127.0.0.1', '--port', '1'],
    [
      ['SSH user', 'jane doe\r'],
      ['"jane doe" is no user name', `${'\u007f'.repeat(8)}root\r`],
      ['Private key', ctrlC],
    ],
  )
  t.regex(screen, /SSH user .* · root/)
})

onTerminal('a machine that cannot be reached brings the questions back', async (t) => {
  const { code, screen } = await walk(
    ['--hosts', '127.0.0.1', '--user', 'root', '--port', '1'],
    [
      ['Private key', '\r'],
      ['What now?', '\u001b[B\r'],
      ['Machines:', '127.0.0.2\r'],
      ['SSH user', '\r'],
      ['Private key', '\r'],
      ['What now?', ctrlC],
    ],
  )
  t.is(code, 1)
  t.regex(screen, /127\.0\.0\.1 refuses connections on port 1/)
  t.regex(screen, /127\.0\.0\.2 refuses connections on port 1/)
  t.regex(screen, /stopped: nothing was written/)
})
