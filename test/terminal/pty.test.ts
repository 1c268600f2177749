import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import test from 'ava'

// A real terminal, by script(1) of util-linux.
const replay = fileURLToPath(new URL('replay.ts', import.meta.url))
const program = 'script'
const missing = spawnSync(program, ['--version']).error !== undefined
const onTerminal = missing ? test.skip : test
if (missing) console.log('skipped: the tests on a terminal need script(1) of util-linux')

type Answer = Readonly<{ to: string; keys: string }>

/** Runs the replay on a terminal and answers once a text appears. */
const watch = async (args: string, { to, keys }: Answer, env = {}): Promise<{ code: number; screen: string }> => {
  const command = `stty cols 90 rows 30; exec '${process.execPath}' '${replay}' ${args}`
  const child = spawn(program, ['-qefc', command, '/dev/null'], {
    env: { PATH: process.env.PATH, TERM: 'xterm-256color', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let [screen, answered] = ['', false]
  child.stdout.on('data', (piece) => {
    screen += piece
    if (answered || !screen.includes(to)) return
    answered = true
    child.stdin.write(keys)
  })
  const [code] = await once(child, 'close')
  return { code, screen }
}

const ask = { to: 'Apply these changes?' }
const cursorIsBack = (screen: string) => screen.lastIndexOf('\u001b[?25h') > screen.lastIndexOf('\u001b[?25l')

onTerminal('a yes applies; the display moves, goes away, and leaves a table and the cursor', async (t) => {
  const { code, screen } = await watch('3 --ask --failing node-2 --speed 4', { ...ask, keys: 'y' })
  t.is(code, 0)
  t.regex(screen, /node-1 {4}0\/8 {2}base › package nftables/)
  t.regex(screen, /node-1 {4}8\/8 {2}verifying/)
  t.regex(screen, /docker › package docker.io: apply failed \(exit 100\)/)
  const end = screen.slice(screen.lastIndexOf('\u001b[2K'))
  t.true(end.includes('host    changed  unchanged  failed  trips  seconds'))
  t.true(end.includes('node-2 › docker › package docker.io: apply failed (exit 100)'))
  t.true(end.includes('3 hosts · 18 changes made · 57 resources right · 2 waits met · failed on node-2 · 41 s'))
  t.true(cursorIsBack(screen))
})

for (const [name, keys] of Object.entries({ n: 'n', Enter: '\r', 'Ctrl-C': '\u0003', Esc: '\u001b' })) {
  onTerminal(`${name} at the question is a no`, async (t) => {
    const { code, screen } = await watch('3 --ask --speed 40', { ...ask, keys })
    t.is(code, 1)
    t.true(screen.includes('not applied'))
    t.false(screen.includes('changes made'))
    t.notRegex(screen, /Error|ERR_/)
    t.true(cursorIsBack(screen))
  })
}

onTerminal('a dumb terminal is asked too, without a code that it would print', async (t) => {
  const { code, screen } = await watch('3 --ask --speed 40', { ...ask, keys: 'y\r' }, { TERM: 'dumb' })
  t.is(code, 0)
  t.true(screen.includes('21 changes made'))
  t.false(screen.includes('\u001b'))
})

onTerminal('a password is not echoed; Ctrl-C instead of one is an error that says what is missing', async (t) => {
  const given = await watch('3 --password --kind quiet --speed 40', { to: 'sudo password', keys: 'hunter2\r' })
  t.is(given.code, 0)
  t.true(given.screen.includes('7 characters'))
  t.false(given.screen.includes('hunter2'))
  const refused = await watch('3 --password', { to: 'sudo password', keys: '\u0003' })
  t.is(refused.code, 1)
  t.true(refused.screen.includes('no answer to: sudo password of node-1'))
})

onTerminal('while hosts are slow to answer, one line says which, and is gone afterwards', async (t) => {
  const { screen } = await watch('3 --kind quiet', { to: '-', keys: '' })
  t.true(screen.includes('0 of 3 hosts · probing node-1, node-2, node-3'))
  const end = screen.slice(screen.lastIndexOf('\r\u001b[K'))
  t.true(end.includes('3 hosts · 57 resources right · nothing to change · 0.4 s'))
  t.false(end.includes('probing'))
})

onTerminal('50 hosts fit on 30 rows', async (t) => {
  const { screen } = await watch('50 --speed 12', { to: '-', keys: '' })
  t.regex(screen, /\d+ of 50 hosts done · \d+ at work/)
  t.regex(screen, /and \d+ more/)
  const frames = screen.split('hosts done').slice(1, -1)
  t.true(frames.every((frame) => (frame.split('\u001b[2K')[0] ?? '').split('\n').length < 30))
})
