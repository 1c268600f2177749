import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { ready, readyType } from '../../core/resources/ready.ts'
import { Secret } from '../../core/secrets/secret.ts'
import { applyOnce, HOSTILE, law, observe, sandbox } from './law.ts'
import { fragment } from './sh.ts'
import { diffTable, garbageTable, wrongTable } from './tables.ts'

const { want } = ready('x', { check: 'true', within: '30s' })

diffTable(readyType, [
  ['up', want, true, []],
  ['down', want, false, ['ready: no → yes, within 30 s']],
])

wrongTable([
  [() => ready('x\0', { check: 'true', within: '1s' }), /NUL/],
  [() => ready('x', { check: 'true \0', within: '1s' }), /NUL/],
  [() => ready('x', { check: ' ', within: '1s' }), /always true/],
  ...['', '30', '0s', '-1s', '1.5s', '1m', ' 1s', '1s\n', '100000s'].map(
    (within) => [() => ready('x', { check: 'true', within: within as '1s' }), /no number of seconds/] as const,
  ),
  [() => ready('x', { check: 'true', within: '1s', unit: '$(id)' }), /name of a unit/],
])

const two = [ready('x', { check: 'true', within: '1s' }), ready('y', { check: 'true', within: '1s' })]
garbageTable('ready', (output) => readyType.parse(output, two), [
  '',
  '0 up\n',
  '0 up\n0 up\n',
  '0 up\n2 down\n',
  '0 up\n1 yes\n',
  '0 up\n1 up\n1 up\n',
  'x up\n1 up\n',
])

test('it is a wait', (t) => t.true(readyType.waits))

for (const name of HOSTILE)
  test(`law: ${JSON.stringify(name)}`, async (t) => {
    const directory = sandbox(t)
    writeFileSync(join(directory, 'x'), name)
    const quoted = `'${name.replaceAll("'", "'\\''")}'`
    const check = `[ "$(cat ${join(directory, 'x')}; echo .)" = ${quoted}. ]`
    t.deepEqual(await law(t, directory, ready(name, { check, within: '1s' })), [])
    t.false(existsSync(join(directory, 'pwned')))
  })

test('probe: all at once, each answer to its check, whatever they print', async (t) => {
  const meeting = join(sandbox(t), 'meeting')
  const checks = [
    // one that waits for the last of them
    `until [ -e ${meeting} ]; do sleep 0.05; done`,
    'false',
    'echo 1 up; exit 3',
    'true',
    'exec >&-; cat; sleep 1',
    'kill -9 $$',
    "echo 'it''s'; true",
    `: >${meeting}`,
  ]
  const found = await observe(checks.map((check, index) => ready(`${index}`, { check, within: '5s' })))
  t.deepEqual(found, [true, false, false, true, true, false, true, true])
})

test('probe: a check that hangs is down', async (t) => {
  t.deepEqual(await observe([ready('x', { check: "trap '' TERM; sleep 600", within: '60s' })]), [false])
})

test('apply: waits until it is so', async (t) => {
  const directory = sandbox(t)
  const check = `[ -e ${directory}/up ]`
  const resource = ready('x', { check, within: '20s' })
  const text = await readyType.apply({ id: 'x', want: resource.want, have: false, changes: [], upload: async () => '' })
  const { code } = await fragment(`(sleep 1.5; : >${directory}/up) &\n${text}`)
  t.is(code, 0)
  t.deepEqual(await observe([resource]), [true])
})

test('fails: the last output of the check is the reason', async (t) => {
  const { code, stdout } = await applyOnce(
    ready('x', { check: 'echo first; echo "no leader" >&2; false', within: '2s' }),
  )
  t.is(code, 1)
  t.is(stdout, 'first\nno leader\nnot ready within 2 s: no leader\n')
})

test('fails: a check that prints nothing, or hangs', async (t) => {
  const silent = await applyOnce(ready('x', { check: 'false', within: '1s' }))
  t.regex(silent.stdout, /not ready within 1 s: the check failed and printed nothing\n$/)
  const resource = ready('x', { check: 'sleep 600', within: '2s' })
  const text = await readyType.apply({ id: 'x', want: resource.want, have: false, changes: [], upload: async () => '' })
  t.is((await fragment(text)).code, 1)
})

test('fails: a unit is shown, and one that is unknown hides nothing', async (t) => {
  const { code, stdout } = await applyOnce(
    ready('x', { check: 'false', within: '1s', unit: 'caravan-no-such.service' }),
  )
  t.is(code, 1)
  t.regex(stdout, /not ready within 1 s: .*\n$/)
})

test('a secret check stands in no argument, and waits as any other', async (t) => {
  const seen = (text: string) => Secret.of('a question', `tr '\\0' ' ' </proc/$$/cmdline; ${text}`)
  const up = ready('x', { check: seen("tr '\\0' '\n' </proc/$$/cmdline | grep -qx -e -s"), within: '1s' })
  t.deepEqual(await observe([up, ready('y', { check: seen('false'), within: '1s' })]), [true, false])
  t.true(readyType.sensitive?.(up.want))
  const { code, stdout } = await applyOnce(ready('y', { check: seen('[ -t 0 ] || cat; false'), within: '1s' }))
  t.is(code, 1)
  t.regex(stdout, /^sh -s \nnot ready within 1 s: sh -s \n$/)
})
