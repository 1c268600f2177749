import test from 'ava'
import fc from 'fast-check'
import { configChanges, mergeConfigs, sameConfig } from '../../core/resources/shared/haproxy-merge.ts'
import { type Config, parseConfig, renderConfig, versionIn } from '../../core/resources/shared/haproxy-text.ts'

const OURS = `# Written by Caravan.

global
  daemon
  user haproxy

defaults caravan
  mode http
  timeout connect 5s

frontend web from caravan
  bind 10.33.0.2:4200
  default_backend web

backend web from caravan
  balance leastconn
  option httpchk GET /
  retries 3
  server-template crate 1-10 _crate._tcp.service.consul check
`

/** The same, as the Data Plane API writes it: its comments on top, sections by kind and name. */
const REWRITTEN = `# _md5hash=0123456789abcdef0123456789abcdef
# _version=7
# Dataplaneapi managed File
# changing file directly can cause a conflict if dataplaneapi is running
# Written by Caravan.

global
  daemon
  user haproxy

defaults caravan
  mode http
  timeout connect 5s

backend web from caravan
  balance leastconn
  retries 3
  server-template crate 1-10 _crate._tcp.service.consul check
  option httpchk GET /

frontend web from caravan
  bind 10.33.0.2:4200
  default_backend web
`

const SAME: readonly (readonly [title: string, one: string, other: string, same: boolean])[] = [
  ['rewritten by the Data Plane API', OURS, REWRITTEN, true],
  ['white space', 'global\n\tdaemon  \n\n', 'global\ndaemon\n', true],
  ['carriage returns', 'global\r\n  daemon\r\n', 'global\n  daemon\n', true],
  ['white space inside of quotes', 'backend a\n  log "a  b"\n', 'backend a\n  log "a b"\n', false],
  ['escaped white space', 'backend a\n  log a\\ \\ b\n', 'backend a\n  log a\\ b\n', false],
  [
    'defaults without a name',
    'defaults\n  mode tcp\nbackend a\n',
    'defaults unnamed_defaults_1\n  mode tcp\nbackend a from unnamed_defaults_1\n',
    true,
  ],
  [
    'another defaults by its place',
    'defaults x\n mode tcp\ndefaults y\n mode http\nbackend a\n',
    'defaults y\n mode http\ndefaults x\n mode tcp\nbackend a\n',
    false,
  ],
  [
    'a section in two parts',
    'backend a\n  x 1\nbackend b\nbackend a\n  y 2\n',
    'backend a\n  x 1\n  y 2\nbackend b\n',
    true,
  ],
  [
    'the order of rules',
    'backend a\n  http-request x\n  http-request y\n',
    'backend a\n  http-request y\n  http-request x\n',
    false,
  ],
  ['twice the same line', 'backend a\n  acl x\n', 'backend a\n  acl x\n  acl x\n', false],
  ['no option', 'backend a\n  option x\n', 'backend a\n  no option x\n', false],
  ['a comment', 'backend a\n', 'backend a\n  # mine\n', false],
  ['an empty section', 'global\n', 'global\nbackend a\n', false],
  ['a section that begins twice, and not alike', 'backend a\nbackend a x\n', 'backend a\n', false],
  ['half a quote', 'global\n  log "a  b\n', 'global\n  log "a b\n', false],
]
for (const [title, one, other, same] of SAME)
  test(`${same ? 'the same' : 'not the same'}: ${title}`, (t) => {
    t.is(sameConfig(parseConfig(one), parseConfig(other)), same)
    t.is(sameConfig(parseConfig(other), parseConfig(one)), same)
  })

test('it is written as the Data Plane API does', (t) => {
  t.is(
    renderConfig(parseConfig(REWRITTEN)),
    `${OURS.slice(0, OURS.indexOf('\nbackend'))}${REWRITTEN.slice(REWRITTEN.indexOf('\nbackend'), REWRITTEN.indexOf('\nfrontend'))}`,
  )
})

test('the version that the Data Plane API counts', (t) => {
  t.is(versionIn(REWRITTEN), 7)
  t.is(versionIn(OURS), undefined)
  t.is(versionIn('global\n  log "# _version=3"\n'), undefined)
})

const MERGES: readonly (readonly [
  title: string,
  ours: readonly [string, string],
  theirs: readonly [string, string],
  both: string | readonly string[],
])[] = [
  [
    'a server of theirs beside slots of ours',
    ['1-10', '1-20'],
    ['  retries 3\n', '  server extra 10.33.0.9:4200 check\n  retries 3\n'],
    '  server extra 10.33.0.9:4200 check\n  retries 3\n  server-template crate 1-20 _crate._tcp.service.consul check\n',
  ],
  ['one keyword, other changes', ['connect 5s', 'connect 6s'], ['connect 5s', 'connect 9s'], ['defaults caravan']],
  [
    'one keyword, the same change',
    ['connect 5s', 'connect 9s'],
    ['connect 5s', 'connect 9s'],
    '  timeout connect 9s\n',
  ],
  [
    'a keyword that both took away',
    ['  retries 3\n', ''],
    ['  retries 3\n', ''],
    '  option httpchk GET /\n  server-template',
  ],
  [
    'a section of theirs',
    ['1-10', '1-20'],
    ['\nbackend web', '\nbackend more from caravan\n  server a 10.0.0.1:1\n\nbackend web'],
    '\nbackend more from caravan\n  server a 10.0.0.1:1\n\nbackend web from caravan\n',
  ],
  [
    'a section that they took away, and where we changed something',
    ['1-10', '1-20'],
    [OURS.slice(OURS.indexOf('\nbackend')), ''],
    ['backend web'],
  ],
  [
    'a section that we took away, and where they added something',
    [OURS.slice(OURS.indexOf('\nbackend')), ''],
    ['  retries 3\n', '  retries 3\n  server x 10.0.0.1:1\n'],
    ['backend web'],
  ],
  [
    'another defaults of theirs',
    ['1-10', '1-20'],
    ['backend web from caravan', 'backend web from other'],
    'backend web from other\n',
  ],
]
for (const [title, ours, theirs, both] of MERGES)
  test(`merge: ${title}`, (t) => {
    const change = ([from, to]: readonly [string, string]) => {
      t.true(OURS.includes(from))
      return parseConfig(OURS.replace(from, to))
    }
    const merged = mergeConfigs(parseConfig(OURS), change(ours), change(theirs))
    if (typeof both === 'string') t.true(renderConfig(merged as Config).includes(both), renderConfig(merged as Config))
    else t.deepEqual([...new Set((merged as readonly { section: string }[]).map(({ section }) => section))], [...both])
  })

const line = fc.constantFrom(
  'acl a',
  'acl b',
  'http-request x',
  'http-request y',
  'server s 1',
  'server t 2',
  'option z',
  'no option z',
  '# c',
)
const section = fc.constantFrom('backend a', 'backend b', 'frontend a', 'global')
const configs = fc
  .array(fc.tuple(section, fc.array(line, { maxLength: 4 })), { maxLength: 4 })
  .map((all) =>
    parseConfig(all.map(([head, lines]) => `${head}\n${lines.map((one) => `  ${one}\n`).join('')}`).join('')),
  )

const equal = (one: Config | readonly unknown[], other: Config): boolean => one instanceof Map && sameConfig(one, other)

test('whoever alone changed something has it; both the same is no clash', (t) => {
  fc.assert(
    fc.property(configs, configs, (one, other) => {
      t.true(equal(mergeConfigs(one, other, one), other))
      t.true(equal(mergeConfigs(one, one, other), other))
      t.true(equal(mergeConfigs(one, other, other), other))
    }),
    { numRuns: 500 },
  )
})

test('what either side added is in the result, or it is a clash', (t) => {
  const all = (config: Config) => [...config].flatMap(([name, { lines }]) => lines.map((one) => `${name}: ${one}`))
  fc.assert(
    fc.property(configs, configs, configs, (base, ours, theirs) => {
      const merged = mergeConfigs(base, ours, theirs)
      if (!(merged instanceof Map)) return
      const [was, has] = [all(base), all(merged)]
      for (const added of [...all(ours), ...all(theirs)].filter((one) => !was.includes(one)))
        t.true(has.includes(added))
      for (const one of has) t.true([...all(ours), ...all(theirs)].includes(one))
    }),
    { numRuns: 1000 },
  )
})

test('a merge settles: merged again with what was written, nothing changes', (t) => {
  fc.assert(
    fc.property(configs, configs, configs, (base, ours, theirs) => {
      const merged = mergeConfigs(base, ours, theirs)
      if (!(merged instanceof Map)) return
      const written = parseConfig(renderConfig(merged))
      t.true(sameConfig(written, merged))
      t.true(equal(mergeConfigs(ours, ours, written), merged))
    }),
    { numRuns: 1000 },
  )
})

test('what is not to be seen is not in a change', (t) => {
  const shown = (text: string) => text.replaceAll(/hash\d/g, '…')
  const changes = configChanges(
    parseConfig('userlist u\n  user a password hash1\n'),
    parseConfig('userlist u\n  user a password hash2\n'),
    shown,
  )
  t.false(JSON.stringify(changes).includes('hash'))
  t.is(changes.length, 1)
})
