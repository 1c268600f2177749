import test from 'ava'
import fc from 'fast-check'
import { hostile, rendered } from '../secrets/hostile.ts'
import { on } from './machines.ts'

const NODE = 'node-3'
const UNIT = '/run/systemd/system/caravan-escape.service'

/** The lines that a template makes, for as many hostile values as it does not refuse. */
const linesOf = (count: number, source: (index: number) => string) => {
  const lines: string[] = []
  const values: string[] = []
  for (const value of fc.sample(hostile, { numRuns: count * 10 })) {
    const line = rendered('test/x.service.ejs', source(values.length), value)
    if (line === undefined || values.length === count) continue
    lines.push(line)
    values.push(value)
  }
  return { lines, values }
}

/** Starts a unit with these lines on the machine and gives what it wrote, as base64 lines. */
const printedBy = async (lines: readonly string[]): Promise<readonly string[]> => {
  const text = `[Service]\nType=oneshot\nStandardOutput=append:/run/caravan-escape\n${lines.join('\n')}\n`
  const printed = await on(
    NODE,
    `trap 'rm -f ${UNIT} /run/caravan-escape; systemctl daemon-reload' EXIT
base64 -d >${UNIT} <<'END'
${Buffer.from(text).toString('base64').replaceAll(/.{76}/g, '$&\n')}
END
systemctl daemon-reload
systemctl start caravan-escape.service
cat /run/caravan-escape`,
  )
  return printed.split('\n').filter((line) => line !== '')
}

const asBase64 = (values: readonly string[]) => values.map((value) => Buffer.from(value).toString('base64'))

// an expansion would show, since there is something to expand
const expandable = 'Environment=HOME=/expanded x=expanded'

for (const prefix of ['', ':'] as const)
  test(`each argument of a command line arrives as it was (prefix "${prefix}")`, async (t) => {
    const dollar = prefix === '' ? '$$' : '$'
    const { lines, values } = linesOf(
      400,
      () =>
        `ExecStart=${prefix}/bin/sh -c 'printf %%s "${dollar}2" | base64 -w 0; echo' sh a<%= it.value %> <%= it.value %>`,
    )
    t.is(values.length, 400)
    t.deepEqual(await printedBy([expandable, ...lines]), asBase64(values))
  })

test('each variable of the environment arrives as it was', async (t) => {
  const { lines, values } = linesOf(400, (index) => `Environment=A=a V${index}=<%= it.value %> "W=<%= it.value %>"`)
  t.is(values.length, 400)
  const show = `ExecStart=/bin/sh -c 'for i in $(seq 0 399); do printenv V$i | head -c -1 | base64 -w 0; echo; done'`
  t.deepEqual(await printedBy([expandable, ...lines, show.replaceAll('$', '$$$$')]), asBase64(values))
})

test('each description is shown as it was', async (t) => {
  const { lines, values } = linesOf(60, () => 'Description=about <%= it.value %>')
  const printed = await on(
    NODE,
    `cd /run/systemd/system
trap 'rm -f caravan-escape-*.service; systemctl daemon-reload' EXIT
${lines.map((line, index) => `printf '[Unit]\\n%s\\n' "$(echo ${Buffer.from(line).toString('base64')} | base64 -d)" >caravan-escape-${index}.service`).join('\n')}
systemctl daemon-reload
${lines.map((_, index) => `systemctl show -p Description --value caravan-escape-${index}.service`).join('\n')}`,
  )
  t.deepEqual(
    printed.split('\n'),
    values.map((value) => `about ${value}`),
  )
})
