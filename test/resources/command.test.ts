import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { Unknown } from '../../core/declare/resource.ts'
import { quote } from '../../core/remote/shell.ts'
import { command, commandType } from '../../core/resources/command.ts'
import { applyOnce, differences, HOSTILE, law, lawOfUnknown, observe, sandbox } from './law.ts'
import { fragment } from './sh.ts'
import { diffTable, garbageTable, wrongTable } from './tables.ts'

const { want } = command('x', { run: 'touch /x', unless: '[ -e /x ]' })

diffTable(commandType, [
  ['holds', want, true, []],
  ['does not', want, false, ['guard: does not hold → holds, once it was run']],
])

const options = { run: 'touch /x', unless: '[ -e /x ]' }
wrongTable([
  [() => command('x\0', options), /NUL/],
  [() => command('x', { ...options, run: ' \n' }), /nothing to run/],
  ...['', 'true', ' : ', 'false', 'exit 1'].map(
    (unless) => [() => command('x', { ...options, unless }), /always says the same/] as const,
  ),
  [() => command('x', { ...options, within: '1.5s' }), /no number of seconds/],
  [() => command('x', { ...options, within: '0s' }), /no number of seconds/],
])

garbageTable('command', (output) => commandType.parse(output, [command('x', options)]), [
  '',
  '0 0\n0 0\n',
  '1 0\n',
  '0 no\n',
  '\u001b[2J\n',
])

const MISSING = new Unknown('its guard needs a program that is not installed')
const LATE = new Unknown('its guard did not end in time')

for (const [status, have] of [
  [0, true],
  [1, false],
  [2, false],
  [126, false],
  [127, MISSING],
  [124, LATE],
  [137, LATE],
] as const)
  test(`parse: a guard that exits ${status}`, (t) =>
    t.deepEqual(commandType.parse(`0 ${status}\n`, [command('x', options)]).get('x'), have))

test('probe: all guards at once, whatever they print; a missing program cannot be told', async (t) => {
  const guards = ['echo "0 0"; exit 1', 'echo x >&2', 'caravan-no-such --version', 'cat', "exit 3; '"]
  const all = guards.map((unless, index) => command(HOSTILE[index] ?? '', { run: 'id', unless }))
  t.deepEqual(await observe(all), [false, true, MISSING, true, false])
})

for (const name of HOSTILE)
  test(`law: ${JSON.stringify(name)}`, async (t) => {
    const directory = sandbox(t)
    const path = quote(join(directory, name))
    const count = join(directory, 'count')
    await law(t, directory, command(name, { run: `echo x >>${count}\n>${path}`, unless: `[ -e ${path} ]` }))
    t.is(readFileSync(count, 'utf8'), 'x\n')
  })

test('nothing is run when the guard holds by then; a plan that knew nothing is as good', async (t) => {
  const directory = sandbox(t)
  const path = join(directory, 'x')
  await lawOfUnknown(t, directory, command('x', { run: `touch ${path}`, unless: `[ -e ${path} ]` }))
  const ran = await applyOnce(command('x', { run: 'exit 1', unless: `[ -e ${path} ]` }))
  t.is(ran.code, 0)
})

test('fails: its own status and words, its deadline, and a guard that does not hold after it', async (t) => {
  const directory = sandbox(t)
  const unless = `[ -e ${directory}/x ]`
  const failed = await applyOnce(command('x', { run: 'echo no space left >&2; exit 7', unless }))
  t.deepEqual([failed.code, failed.stderr], [7, 'no space left\n'])
  const slow = await applyOnce(command('x', { run: 'sleep 60', unless, within: '1s' }))
  t.deepEqual([slow.code, slow.stdout], [124, 'it did not end within 1 s\n'])
  const useless = command('x', { run: 'id', unless })
  t.is((await applyOnce(useless)).code, 0)
  t.is((await differences(useless)).length, 1)
  t.false(existsSync(join(directory, 'x')))
})

test('what it runs gets nothing to read', async (t) => {
  const { code } = await fragment(
    await commandType.apply({ ...input, want: { ...want, run: 'cat', unless: 'exit 1' } }),
  )
  t.is(code, 0)
})
const input = { id: 'x', want, have: false, changes: [], upload: async () => '' } as const
