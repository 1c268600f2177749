import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { z } from 'zod'
import type { RunInput } from '../../core/converge/crew.ts'
import { type Exit, run } from '../../core/converge/run.ts'
import type { Facts, Host } from '../../core/declare/host.ts'
import type { Inventory } from '../../core/declare/inventory.ts'
import { type Play, play } from '../../core/declare/play.ts'
import { declare, pathIdentity, type Resource, type ResourceType, Unknown } from '../../core/declare/resource.ts'
import { defineRole } from '../../core/declare/role.ts'
import { localTransport } from '../../core/remote/local.ts'
import { quote, words } from '../../core/remote/shell.ts'
import type { Transport } from '../../core/remote/transport.ts'
import type { RunEvent } from '../../core/terminal/events.ts'

/**
 * A host that is a directory: scripts run by the real `sh`, with /run/caravan and /var/lib/caravan inside of it and a
 * systemctl of its own, since the computer that runs the tests need not have systemd.
 */
export type ToyHost = Readonly<{
  host: Host
  dir: string
  transport: Transport
  /** All scripts that it was sent. */
  scripts: string[]
  /** Called before each script. */
  before: (hook: (script: string, round: number) => void) => void
}>

export const toyHost = (
  t: ExecutionContext,
  name = 'node-1',
  more: { garbage?: string; banner?: string } = {},
): ToyHost => {
  const dir = mkdtempSync(join(tmpdir(), 'caravan-toy-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  mkdirSync(join(dir, 'bin'))
  writeFileSync(join(dir, 'bin/systemctl'), '#!/bin/sh\n[ "$1" != --version ] || echo "systemd 252 (252.1)"\n', {
    mode: 0o755,
  })
  const local = localTransport()
  const scripts: string[] = []
  let hook: (script: string, round: number) => void = () => {}
  const moved = (script: string): string =>
    script
      .replaceAll('/run/caravan', join(dir, 'run'))
      .replaceAll('/var/lib/caravan', join(dir, 'lib'))
      .replace('PATH=', `PATH=${quote(join(dir, 'bin'))}:`)
  const transport: Transport = {
    ...local,
    run: (script, options) => {
      scripts.push(script)
      hook(script, scripts.length)
      if (more.garbage !== undefined) return local.run(`printf %s ${quote(more.garbage)}`, options)
      return local.run(`${more.banner === undefined ? '' : `echo ${quote(more.banner)}\n`}${moved(script)}`, options)
    },
    send: (command, input, options) => {
      scripts.push(command)
      return local.send(moved(command), input, options)
    },
    roundTrips: () => scripts.length,
  }
  const host: Host = {
    name,
    address: `${name}.example.com`,
    privateIp: '127.0.0.1',
    slot: 0,
    groups: [],
    ssh: { user: undefined, port: undefined, identityFile: undefined, hostKeys: [], sudoPasswordFile: undefined },
    vars: {},
  }
  const before = (next: typeof hook): void => {
    hook = next
  }
  return { host, dir, transport, scripts, before }
}

type Note = { text: string | undefined }

/** A file by its path: the smallest type that can tell absent from present. */
export const noteType: ResourceType<Note, string | undefined> = {
  name: 'note',
  identity: pathIdentity,
  probe: (all) =>
    `for f in ${words(all.map(({ id }) => id))}; do if [ -f "$f" ]; then echo "+$(cat "$f")"; else echo -; fi; done`,
  parse: (output, all) => {
    const lines = output.split('\n')
    return new Map(all.map(({ id }, index) => [id, lines[index]?.startsWith('+') ? lines[index]?.slice(1) : undefined]))
  },
  diff: ({ text }, have) =>
    text === have ? [] : [{ property: 'text', from: have ?? '(absent)', to: text ?? '(absent)' }],
  apply: ({ id, want: { text } }) =>
    text === undefined ? `rm -f ${quote(id)}` : `printf %s ${quote(text)} >${quote(id)}`,
  inputs: (id) => [id],
}
export const note = (path: string, text?: string): Resource => declare(noteType, path, { text })

/** Something that only a program can observe and change: unknown as long as the program is missing. */
const toolType: ResourceType<{ program: string; value: string }, string> = {
  name: 'tool',
  probe: (all) =>
    all
      .map(
        ({ id, want }) =>
          `if [ -f ${quote(want.program)} ]; then echo "+$(cat ${quote(id)} 2>/dev/null)"; else echo '?'; fi`,
      )
      .join('\n'),
  parse: (output, all) => {
    const lines = output.split('\n')
    return new Map(
      all.map(({ id }, index) => [
        id,
        lines[index]?.startsWith('+') ? (lines[index]?.slice(1) ?? '') : new Unknown('no program'),
      ]),
    )
  },
  diff: ({ value }, have) => (value === have ? [] : [{ property: 'value', from: have, to: value }]),
  apply: ({ id, want }) =>
    `[ -f ${quote(want.program)} ] || { echo 'tool: not found'; exit 127; }\nprintf %s ${quote(want.value)} >${quote(id)}`,
}
export const tool = (path: string, program: string, value: string): Resource =>
  declare(toolType, path, { program, value })

/** A type whose apply is the given fragment and whose probe always differs: for failures. */
const brokenType: ResourceType<{ script: string }, boolean> = {
  name: 'broken',
  probe: () => ':',
  parse: (_output, all) => new Map(all.map(({ id }) => [id, false])),
  diff: () => [{ property: 'state', from: 'broken', to: 'mended' }],
  apply: ({ want }) => want.script,
}
export const broken = (id: string, script: string): Resource => declare(brokenType, id, { script })

export const toyPlay = (
  name: string,
  resources: (dir: string, facts: Facts) => readonly Resource[],
  dirs: ReadonlyMap<string, string>,
): Play => play(defineRole(name, z.strictObject({}), ({ host }) => resources(dirs.get(host.name) ?? '', host.facts)))

export type ToyRun = Readonly<{
  exit: Exit
  events: readonly RunEvent[]
  errors: readonly string[]
  summary: Extract<RunEvent, { event: 'summary' }>
}>

/** Runs roles, given as `name: (dir) => resources`, on toy hosts. Facts are kept between runs in `cache`. */
export const toyRun = async (
  hosts: readonly ToyHost[],
  roles: Readonly<Record<string, (dir: string, facts: Facts) => readonly Resource[]>>,
  more: Partial<RunInput> & { only?: readonly string[] } = {},
): Promise<ToyRun> => {
  const dirs = new Map(hosts.map(({ host, dir }) => [host.name, dir]))
  const plays = Object.entries(roles).map(([name, resources]) => toyPlay(name, resources, dirs))
  const inventory: Inventory = {
    file: 'inventory.yaml',
    cluster: { name: 'toy', datacenter: 'dc1', network: '127.0.0.0/8', expose: 'private' },
    hosts: hosts.map(({ host }) => host),
    groups: {},
    versions: { set: 'current' },
    downloads: { by: 'host', keys: {} },
  }
  const events: RunEvent[] = []
  const byName = new Map(hosts.map((toy) => [toy.host.name, toy.transport]))
  const started = new Map(hosts.map(({ host, transport }) => [host.name, transport.roundTrips()]))
  const exit = await run({
    id: 'test',
    playbook: 'test',
    inventory,
    plays,
    selected: new Set(
      plays.flatMap(({ role }, index) => (more.only === undefined || more.only.includes(role.name) ? [index] : [])),
    ),
    hosts: inventory.hosts,
    check: false,
    forks: 5,
    lockWait: 0,
    fleet: {
      transport: ({ name }) => byName.get(name) as Transport,
      connect: async () => {},
      ask: async () => {},
      dial: () => assert.fail('a run dials nothing'),
      close: async () => {},
    },
    cache: { get: () => undefined, put: () => {} },
    approve: async (question) => question === 'plan',
    canAsk: false,
    stop: new AbortController().signal,
    ...more,
    emit: (event) => {
      events.push(event)
      more.emit?.(event)
    },
  })
  const summary = events.at(-1) as ToyRun['summary']
  const perRun = Object.entries(summary.hosts).map(([name, host]) => [
    name,
    { ...host, roundTrips: host.roundTrips - (started.get(name) ?? 0) },
  ])
  const errors = events.flatMap((event) => (event.event === 'error' ? [event.error.message] : []))
  return { exit, events, errors, summary: { ...summary, hosts: Object.fromEntries(perRun) } }
}

/** A facts cache in memory. */
export const memoryCache = () => {
  const known = new Map<string, Facts>()
  return {
    get: ({ name }: Host) => known.get(name),
    put: ({ name }: Host, facts: Facts) => void known.set(name, facts),
  }
}

export const planned = ({ events }: ToyRun, host = 'node-1'): readonly string[] => {
  const plan = events.find((event) => event.event === 'plan')
  return (plan?.event === 'plan' ? (plan.hosts[host] ?? []) : []).map(({ kind, resource }) => `${kind} ${resource}`)
}
