// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are no templates of ours
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { parse } from 'yaml'
import { hostile, rendered, TRIES } from './hostile.ts'
import { readCorefile, readHaproxy, readHcl, readUnit } from './readers.ts'

// A share of all tries for each property below.
const numRuns = Math.ceil(TRIES / 8)

/**
 * Each value that a template writes is read back as it was. Says how many it refused, and that these were not all.
 */
const readsBack = <Value>(
  t: ExecutionContext,
  values: fc.Arbitrary<Value>,
  write: (value: Value) => string | undefined,
  read: (text: string, value: Value) => void,
): void => {
  let refused = 0
  fc.assert(
    fc.property(values, (value) => {
      const text = write(value)
      if (text === undefined) refused++
      else read(text, value)
    }),
    { numRuns },
  )
  t.log(`${numRuns - refused} read back, ${refused} refused`)
  t.true(refused < numRuns * 0.7)
}

test('hcl', (t) => {
  readsBack(
    t,
    hostile,
    (value) => rendered('x.hcl.ejs', '<%= it.value %>', value),
    (text, value) => t.is(readHcl(text), value),
  )
})

test('hcl, by a real parser: terraform', (t) => {
  if (spawnSync('terraform', ['version']).status !== 0) {
    t.log('skipped: no terraform here')
    return t.pass()
  }
  const directory = mkdtempSync(join(tmpdir(), 'caravan-hcl-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const values = fc.sample(hostile, numRuns).filter((value) => value === value.normalize('NFC'))
  const source = 'output "all" {\n value = [<%= it.value[0] %>, <%= it.value %>, <%= ({ a: it.value }) %>]\n}\n'
  writeFileSync(join(directory, 'x.tf'), rendered('x.hcl.ejs', source, values) ?? '')
  const terraform = (...words: string[]) =>
    spawnSync('terraform', words, {
      cwd: directory,
      env: { ...process.env, CHECKPOINT_DISABLE: '1' },
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    })
  const { status, stderr } = terraform('apply', '-auto-approve', '-no-color')
  t.is(status, 0, stderr)
  t.deepEqual(JSON.parse(terraform('output', '-json', 'all').stdout), [values[0], values, { a: values }])
})

const scalar = fc.oneof(hostile, fc.maxSafeInteger(), fc.boolean(), fc.constant(null))
const deep = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(hostile, fc.array(scalar), { maxKeys: 3 }),
)
const plainly = (value: unknown) => JSON.parse(JSON.stringify(value))

const YAML =
  'key-a: <%= it.value %>\nkey-b: [<%= it.value %>, 1] # c\nkey-c:\n  - <%= it.value %>\n  - - x: <%= it.value %>\n'
for (const version of ['1.1', '1.2'] as const)
  test(`yaml ${version}`, (t) => {
    readsBack(
      t,
      deep,
      (value) => rendered('x.yaml.ejs', YAML, value),
      (text, value) => {
        const all = parse(text, { version })
        t.deepEqual(plainly(all), plainly({ 'key-a': value, 'key-b': [value, 1], 'key-c': [value, [{ x: value }]] }))
      },
    )
  })

test('yaml keys', (t) => {
  readsBack(
    t,
    hostile,
    (value) => rendered('x.yml.ejs', '<%= it.value %>: 1\n', value),
    (text, value) => t.deepEqual(Object.entries(parse(text)), [[value, 1]]),
  )
})

test('json', (t) => {
  readsBack(
    t,
    deep,
    (value) => rendered('x.json.ejs', '{ "a": <%= it.value %>, "b": [<%= it.value %>] }', value),
    (text, value) => t.deepEqual(JSON.parse(text), plainly({ a: value, b: [value] })),
  )
})

test('haproxy', (t) => {
  readsBack(
    t,
    hostile,
    (value) => rendered('haproxy.cfg.ejs', '  use <%= it.value %> <%= [it.value, "b"] %> # end', value),
    (text, value) => t.deepEqual(readHaproxy(text), ['use', value, value, 'b']),
  )
})

test('Corefile', (t) => {
  readsBack(
    t,
    hostile,
    (value) => rendered('coredns/Corefile.ejs', '. {\n  use <%= it.value %> b\n}\n', value),
    (text, value) => t.deepEqual(readCorefile(text), ['.', '{', 'use', value, 'b', '}']),
  )
})

test('systemd', (t) => {
  readsBack(
    t,
    hostile,
    (value) =>
      rendered(
        'x.service.ejs',
        'ExecStart=/x \\\n <%= it.value %> a<%= it.value %>\nExecStop=:/x <%= it.value %>',
        value,
      ),
    (text, value) => {
      const [, start = '', stop = ''] = text.split('\n')
      t.deepEqual(readUnit(start, true), [value, `a${value}`])
      t.deepEqual(readUnit(stop, false), ['ExecStop=:/x', value])
    },
  )
})

/** What is written, or nothing: refused. */
const ROWS: readonly (readonly [name: string, source: string, value: unknown, expected?: string])[] = [
  ['x.hcl.ejs', 'a = <%= it.value %>', 'x', 'a = "x"'],
  ['x.hcl.ejs', 'a = <%= it.value %>', '${x} %{y} $x', 'a = "$\\u007bx} %\\u007by} $x"'],
  ['x.hcl.ejs', 'a = <%= it.value %>', { a: [1, true, 'x'], 'b c': {} }, 'a = {"a" = [1, true, "x"], "b c" = {}}'],
  ['x.hcl.ejs', 'job <%= it.value %> {', 'x', 'job "x" {'],
  ['x.hcl.ejs', 'job "a" <%= it.value %> <%= it.value %> {', 'x', 'job "a" "x" "x" {'],
  ['x.hcl.ejs', '[<%= it.value %>,<%= it.value %>]', 1.5, '[1.5,1.5]'],
  ['x.hcl.ejs', '# about <%= it.value %>', 'a\nb', '# about "a\\nb"'],
  ['x.hcl.ejs', 'a = "<%= it.value %>"', 'x'],
  ['x.hcl.ejs', 'a = "http://<%= it.value %>:80"', 'x'],
  ['x.hcl.ejs', 'a = "b, <%= it.value %>, c"', 'x'],
  ['x.hcl.ejs', 'a = b<%= it.value %>', 'x'],
  ['x.hcl.ejs', 'a = <%= it.value %><%= it.value %>', 'x'],
  ['x.hcl.ejs', 'a = <%= it.value %>', null],
  ['x.hcl.ejs', 'a = <%= it.value %>', { a: undefined }],
  ['x.hcl.ejs', 'a = <%= it.value %>', Number.NaN],
  ['x.hcl.ejs', 'a = <%= it.value %>', 1e21],
  ['x.hcl.ejs', 'a = <%= it.value %>', 2 ** 53],
  ['x.hcl.ejs', 'a = <%= it.value %>', 'e\u0301'],
  ['x.hcl.ejs', 'a = <%= it.value %>', '\ud800'],
  ['x.hcl.ejs', 'a = <%= it.value %>', new Date(0)],
  ['x.yaml.ejs', 'a: <%= it.value %>', 'no', 'a: "no"'],
  ['x.yaml.ejs', 'a: [ <%= it.value %>, <%= it.value %> ]', { b: null }, 'a: [ {"b": null}, {"b": null} ]'],
  ['x.yaml.ejs', 'a: "<%= it.value %>"', 'x'],
  ['x.yaml.ejs', "a: '<%= it.value %>'", 'x'],
  ['x.yaml.ejs', 'a: b <%= it.value %>', 'x'],
  ['x.yaml.ejs', 'a: b, <%= it.value %>', 'x'],
  ['x.yaml.ejs', 'a: <%= it.value %> b', 'x'],
  ['x.yaml.ejs', 'a:<%= it.value %>', 'x'],
  ['x.yaml.ejs', 'a: <%= it.value %>:80', 'x'],
  ['x.yaml.ejs', 'a: <%= it.value %>', { ['k'.repeat(1100)]: 1 }],
  ['x.json.ejs', '{"a": "<%= it.value %>"}', 'x'],
  ['x.json.ejs', '{"a": <%= it.value %>}', '\ud800'],
  ['x.cfg.ejs', 'server <%= it.value %> <%= it.value %>:80', 'node-1', 'server node-1 node-1:80'],
  ['x.cfg.ejs', 'a <%= it.value %>', "it's $5", 'a "it\'s \\$5"'],
  ['x.cfg.ejs', 'a <%= it.value %>', ['a', 'b c'], "a a 'b c'"],
  ['x.cfg.ejs', 'a "<%= it.value %>"', 'b', 'a "b"'],
  ['x.cfg.ejs', 'a "<%= it.value %>"', 'b c'],
  ['x.cfg.ejs', 'a str(<%= it.value %>)', 'b)c'],
  ['x.cfg.ejs', 'a <%= it.value %>', '%[env(HOME)]'],
  ['x.cfg.ejs', 'a <%= it.value %>', ''],
  ['x.cfg.ejs', 'a <%= it.value %>', []],
  ['x.cfg.ejs', 'a <%= it.value %>', true],
  ['coredns/Corefile.ejs', 'forward . <%= it.value %>', ['10.0.0.1:53', '10.0.0.2'], 'forward . 10.0.0.1:53 10.0.0.2'],
  ['coredns/Corefile.ejs', '<%= it.value %>:53 {', 'example.com', 'example.com:53 {'],
  ['coredns/Corefile.ejs', '<%= it.value %> {', '(snippet)'],
  ['coredns/Corefile.ejs', '<%= it.value %> x', 'import'],
  ['coredns/Corefile.ejs', 'a <%= it.value %>', '}'],
  ['coredns/Corefile.ejs', 'a <%= it.value %>', '{$HOME}'],
  ['coredns/Corefile.ejs', 'a {<%= it.value %>', '$HOME}'],
  ['coredns/Corefile.ejs', 'a <%= it.value %>', 'b\\'],
  ['x.service.ejs', 'ExecStart=/x <%= it.value %>', 'a b', 'ExecStart=/x a\\x20b'],
  ['x.service.ejs', 'ExecStart=/x <%= it.value %>', ['a', '100%', '$HOME'], 'ExecStart=/x a 100%% $$HOME'],
  ['x.service.ejs', 'ExecStart=<%= it.value %> a', '/usr/bin/x', 'ExecStart=/usr/bin/x a'],
  ['x.service.ejs', 'ExecStart=<%= it.value %> a', '!/usr/bin/x'],
  ['x.service.ejs', "ExecStart=/bin/sh -c 'a <%= it.value %>'", 'node-1', "ExecStart=/bin/sh -c 'a node-1'"],
  ['x.service.ejs', "ExecStart=/bin/sh -c 'a <%= it.value %>'", '$(id)'],
  ['x.service.ejs', 'ExecStart=/x <%= it.value %>', 'a\0'],
  ['x.service.ejs', 'ExecStart=/x <%= it.value %>', ''],
  ['x.service.ejs', 'Environment=A=<%= it.value %>', 'a "b" $c', 'Environment=A=a\\x20\\x22b\\x22\\x20$c'],
  ['x.service.ejs', 'Environment=A=<%= it.value %>', '\u0007'],
  ['x.service.ejs', 'Environment=<%= it.value %>', 'A=1 B=2'],
  ['x.service.ejs', 'Description=<%= it.value %>', '100% of it', 'Description=100%% of it'],
  ['x.service.ejs', 'After=<%= it.value %>', ['a.service', 'b.service'], 'After=a.service b.service'],
  ['x.service.ejs', 'After=<%= it.value %>', 'a.service b.service'],
  ['x.mount.ejs', 'What=<%= it.value %>', '/dev/%h'],
  ['x.timer.ejs', 'OnCalendar=<%= it.value %>', 'daily\nUnit=x.service'],
  ['x.conf.ejs', 'DNS=<%= it.value %>', '10.0.0.1', 'DNS=10.0.0.1'],
  ['x.conf.ejs', 'DNS=<%= it.value %>', '1\n[x]'],
  ['x.ini.ejs', 'a = <%= it.value %>', 'b # c'],
  ['x.ini.ejs', 'a = <%= it.value %>', ' b'],
]
for (const [name, source, value, expected] of ROWS)
  test(`${name}: ${source} of ${inspect(value).slice(0, 60)} ${expected === undefined ? 'is refused' : 'is written'}`, (t) => {
    t.is(rendered(name, source, value), expected)
  })
