import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { labDir } from '../../lab/index.ts'
import { NODES, on } from '../lab/machines.ts'
import { rollBy } from '../lab/toy-rollout.ts'
import { fault } from './fault.ts'
import { begin, check, civil, converge, holds, onAll } from './playbook.ts'
import { between, pick } from './random.ts'
import { DRIFTS, RESET, UNIT } from './victim.ts'

test.before('a converged victim', async (t) => {
  await begin(t)
})
test.after.always('as they were', () => onAll(RESET))

const nothing = (path: string): void => rmSync(path, { recursive: true, force: true })

/** What can be wrong with a file of ours that holds this text. */
const SPOILT: Readonly<Record<string, (path: string, text: string, random: () => number) => void>> = {
  garbage: (path) => writeFileSync(path, randomBytes(300)),
  empty: (path) => writeFileSync(path, ''),
  truncated: (path, text, random) => writeFileSync(path, text.slice(0, between(random, 1, text.length - 2))),
  'of another type': (path) => writeFileSync(path, '{"arch":7,"os":null,"more":[]}'),
  'a directory': (path) => {
    nothing(path)
    mkdirSync(join(path, 'full'), { recursive: true })
  },
  'a loop of links': (path) => {
    nothing(path)
    symlinkSync(path, path)
  },
}

for (const [what, spoil] of Object.entries(SPOILT))
  fault(`a facts cache that is ${what}`, async (t, random, generation) => {
    const name = pick(random, NODES)
    const path = join(labDir(), 'facts', `${name}.json`)
    await on(name, DRIFTS.config)
    const facts = readFileSync(path, 'utf8')
    spoil(path, facts, random)
    try {
      const checked = await check(generation - 1)
      t.is(checked.exit, 2, [checked.stderr, ...checked.said].join('\n'))
      civil(t, checked)
      await holds(t, generation)
    } finally {
      nothing(path)
      writeFileSync(path, facts)
    }
  })

fault("a facts cache that is another host's", async (t, random, generation) => {
  const [name, other] = random() < 0.5 ? (['node-1', 'node-3'] as const) : (['node-2', 'node-1'] as const)
  const path = (of: string) => join(labDir(), 'facts', `${of}.json`)
  const facts = JSON.parse(readFileSync(path(other), 'utf8'))
  writeFileSync(path(name), JSON.stringify({ ...facts, cpus: 99, privateInterface: 'eth9' }))
  await holds(t, generation)
  t.not(JSON.parse(readFileSync(path(name), 'utf8')).cpus, 99)
})

/** Puts something else in the place of the directory of the run records for a while. */
const withoutRecords = async (put: (path: string) => void, work: () => Promise<void>): Promise<void> => {
  const [path, kept] = [join(labDir(), 'runs'), join(labDir(), `runs.kept-${process.pid}`)]
  if (existsSync(path)) renameSync(path, kept)
  put(path)
  try {
    await work()
  } finally {
    nothing(path)
    if (existsSync(kept)) renameSync(kept, path)
  }
}

/** The history prints what it can. */
const readable = async (t: ExecutionContext): Promise<void> => {
  const { exit, said } = await rollBy('playbooks/history.mjs', [])
  t.is(exit, 0, said)
  t.notRegex(said, /Error|defect/)
}

for (const [what, put] of [
  ['a file', (path: string) => writeFileSync(path, 'not a directory')],
  ['a loop of links', (path: string) => symlinkSync(path, path)],
] as const)
  fault(`a directory of run records that is ${what}`, async (t, _random, generation) => {
    await onAll(DRIFTS.config)
    await withoutRecords(put, async () => {
      const ran = await converge(generation, ['--lock-wait', '300'])
      t.is(ran.exit, 0, ran.said.join('\n'))
      t.regex(ran.said.join('\n'), /this run is not recorded: /)
      civil(t, ran)
      await readable(t)
    })
    await holds(t, generation)
  })

fault('run records that are garbage', async (t, random, generation) => {
  const path = join(labDir(), 'runs', `29990101T000000-${between(random, 1, 9999)}.ndjson`)
  const other = `${path.slice(0, -7)}-d.ndjson`
  writeFileSync(path, pick(random, [randomBytes(500), '{"event":"start"', '[]\nnull\n{"event":"error"}\n', '']))
  mkdirSync(other)
  try {
    await onAll(DRIFTS.config)
    const ran = await holds(t, generation)
    civil(t, ran)
    await readable(t)
  } finally {
    nothing(path)
    nothing(other)
  }
})

const LEASES: Readonly<Record<string, string>> = {
  garbage: `echo 'what is this' >lease`,
  empty: ': >lease',
  binary: 'head -c 400 /dev/urandom >lease',
  'of long lines': `head -c 300000 /dev/zero | tr '\\0' x >lease`,
  'for ever': `printf '%s\\n' somebody-else 99999999999 eve@example.com 2020-01-01T00:00:00Z >lease`,
  'for longer than numbers go': `printf '%s\\n' somebody-else 99999999999999999999999 eve@example.com 2020-01-01T00:00:00Z >lease`,
  'until an octal number': `printf '%s\\n' somebody-else 0099 eve@example.com 2020-01-01T00:00:00Z >lease`,
  'a directory': 'mkdir -p lease/full',
  'a loop of links': 'ln -sfn lease lease',
}
for (const [what, spoil] of Object.entries(LEASES))
  fault(`a lease that is ${what}`, async (t, random, generation) => {
    const name = pick(random, NODES)
    await onAll(DRIFTS.config)
    await on(name, `mkdir -p /run/caravan; cd /run/caravan; rm -rf lease; ${spoil}`)
    try {
      const ran = await converge(generation, ['--lock-wait', '90'])
      t.log(`exit ${ran.exit} after ${ran.seconds.toFixed(0)} s: ${ran.said.join(' | ')}`)
      t.is(ran.exit, 0, ran.said.join('\n'))
      t.true(ran.seconds < 90)
      civil(t, ran)
      await holds(t, generation)
    } finally {
      await on(name, 'rm -rf /run/caravan/lease')
    }
  })

const MARKERS: Readonly<Record<string, string>> = {
  garbage: `echo what is this >m`,
  'three wrong words': 'echo a b c >m',
  empty: ': >m',
  binary: 'head -c 400 /dev/urandom >m',
  'of this invocation, with other digests': `echo $(systemctl show -p InvocationID --value ${UNIT}) aa bb >m`,
  'a directory': 'mkdir -p m/full',
  'a loop of links': 'ln -sfn m m',
}
for (const [what, spoil] of Object.entries(MARKERS))
  fault(`a marker that is ${what}`, async (t, random, generation) => {
    const name = pick(random, NODES)
    await holds(t, generation)
    await on(name, `cd /run/caravan; rm -rf m ${UNIT}; ${spoil}; mv -T m ${UNIT}`)
    try {
      const checked = await check(generation)
      // what says that other files were loaded is believed; what says nothing is asked of the clock
      t.is(checked.exit, what.startsWith('of this invocation') ? 2 : 0, [checked.stderr, ...checked.said].join('\n'))
      civil(t, checked)
      await on(name, DRIFTS.config)
      await holds(t, generation)
    } finally {
      await on(name, `[ -f /run/caravan/${UNIT} ] || rm -rf /run/caravan/${UNIT}`)
    }
  })

for (const [what, spoil] of Object.entries({
  garbage: 'head -c 400 /dev/urandom >applied',
  'a directory': 'rm -rf applied; mkdir applied',
}))
  fault(`a name of the last run that is ${what}`, async (t, random, generation) => {
    const name = pick(random, NODES)
    await onAll(DRIFTS.config)
    await on(name, `cd /run/caravan; ${spoil}`)
    try {
      await holds(t, generation)
    } finally {
      await on(name, '[ -f /run/caravan/applied ] || rm -rf /run/caravan/applied')
    }
  })
