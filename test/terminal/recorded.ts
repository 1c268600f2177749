import type { HostSummary, PlannedEvent, RunEvent } from '../../core/terminal/events.ts'

const package_ = (name: string, at: string): PlannedEvent => ({
  play: 'base',
  role: 'base',
  resource: `package ${name}`,
  at,
  kind: 'firm',
  changes: [{ property: 'installed', from: 'no', to: 'yes' }],
})

const file = (path: string, size: number): PlannedEvent => ({
  play: 'base',
  role: 'base',
  resource: `file ${path}`,
  at: 'roles/base/index.ts:31',
  kind: 'firm',
  changes: [
    {
      property: 'content',
      from: 'absent',
      to: `${size} bytes`,
      diff: '@@ -0,0 +1,2 @@\n+# made by Caravan\n+vm.max_map_count = 262144',
    },
    { property: 'owner', from: 'absent', to: 'root:root' },
    { property: 'mode', from: 'absent', to: '0644' },
  ],
})

const hosts = (host: string): PlannedEvent => ({
  play: 'base',
  role: 'base',
  resource: 'block caravan in /etc/hosts',
  at: 'roles/base/index.ts:40',
  kind: 'firm',
  changes: [
    {
      property: 'content',
      from: '2 lines',
      to: '4 lines',
      diff: `@@ -1,2 +1,4 @@\n 127.0.0.1 localhost\n+10.33.0.2 ${host}\n+10.33.0.3 other\n ::1 localhost`,
    },
  ],
})

const docker: readonly PlannedEvent[] = [
  { ...package_('docker.io', 'roles/docker/index.ts:12'), play: 'docker', role: 'docker' },
  {
    play: 'docker',
    role: 'docker',
    resource: 'json /etc/docker/daemon.json',
    at: 'roles/docker/index.ts:18',
    kind: 'firm',
    changes: [
      { property: 'live-restore', from: 'absent', to: 'true' },
      { property: 'log-driver', from: 'absent', to: '"local"' },
      { property: 'log-opts.max-size', from: 'absent', to: '"20m"' },
      { property: 'default-address-pools', from: 'absent', to: '[{"base":"172.30.0.0/16","size":24}]' },
    ],
  },
  {
    play: 'docker',
    role: 'docker',
    resource: 'service docker',
    at: 'roles/docker/index.ts:25',
    kind: 'provisional',
    changes: [{ property: 'running', from: 'unknown', to: 'yes' }],
  },
  {
    play: 'docker',
    role: 'docker',
    resource: 'ready docker answers',
    at: 'roles/docker/index.ts:31',
    kind: 'wait',
    changes: [],
  },
]

const planOf = (host: string): readonly PlannedEvent[] => [
  package_('nftables', 'roles/base/index.ts:20'),
  package_('jq', 'roles/base/index.ts:20'),
  file('/etc/sysctl.d/60-caravan.conf', 53),
  hosts(host),
  ...docker,
]

export const names = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `node-${i + 1}`)

export const summaryOf = (changed: number, unchanged: number, failed = 0): HostSummary => ({
  changed,
  unchanged,
  failed,
  roundTrips: changed > 0 ? 4 : 1,
  seconds: { connect: 0.1, probe: 0.2, apply: changed * 1.5, wait: changed > 0 ? 2 : 0 },
})

const startOf = (all: readonly string[], check: boolean): RunEvent => ({
  event: 'start',
  version: 1,
  run: '20250101T120000-1234',
  playbook: 'site',
  check,
  hosts: all,
  roles: ['base', 'docker'],
})

const observed = (all: readonly string[]): readonly RunEvent[] => [
  ...all.map((host): RunEvent => ({ event: 'phase', host, phase: 'connect' })),
  ...all.map((host): RunEvent => ({ event: 'phase', host, phase: 'probe' })),
]

/** A run on so many hosts that finds everything right. */
export const quietRun = (count: number): readonly RunEvent[] => {
  const all = names(count)
  return [
    startOf(all, false),
    ...observed(all),
    { event: 'plan', hosts: {}, unchanged: Object.fromEntries(all.map((host) => [host, 19])) },
    {
      event: 'summary',
      hosts: Object.fromEntries(all.map((host) => [host, summaryOf(0, 19)])),
      exit: 0,
      seconds: 0.4,
    },
  ]
}

/** The same where somebody added servers to HAProxy on two hosts. */
export const foreignRun = (count: number): readonly RunEvent[] =>
  quietRun(count).map((event) => {
    if (event.event !== 'plan') return event
    const changes = [
      {
        property: 'backend crate_http',
        from: '-',
        to: 'server extra 10.33.0.9:4200 check',
        diff: '@@ -1,2 +1,3 @@\n backend crate_http from caravan\n+  server extra 10.33.0.9:4200 check\n   retries 3',
      },
    ]
    const resource = 'haproxyConfig /etc/haproxy/haproxy.cfg'
    const own = [{ play: 'haproxy', role: 'haproxy', resource, at: 'roles/haproxy/index.ts:40', changes }]
    return { ...event, foreign: { 'node-1': own, 'node-2': own } }
  })

/** The same under `--check`, where hosts have drifted: all of them need docker, and each has its own hosts file. */
export const driftRun = (count: number): readonly RunEvent[] => {
  const all = names(count)
  return [
    startOf(all, true),
    ...observed(all),
    planEvent(all),
    {
      event: 'summary',
      hosts: Object.fromEntries(all.map((host) => [host, summaryOf(0, 19)])),
      exit: 2,
      seconds: 1.24,
    },
  ]
}

const planEvent = (all: readonly string[]): RunEvent => ({
  event: 'plan',
  hosts: Object.fromEntries(all.map((host) => [host, planOf(host)])),
  unchanged: Object.fromEntries(all.map((host) => [host, 19])),
})

/** A first run; with `failing`, that host does not get docker. */
export const firstRun = (count: number, failing?: string): readonly RunEvent[] => {
  const all = names(count)
  const plays = ['base', 'docker'].flatMap((play) => [
    { event: 'play', play, hosts: all } as const,
    ...inTurns(all.map((host) => appliedOf(host, play, host === failing))),
  ])
  const failed = (host: string) => host === failing
  return [
    startOf(all, false),
    ...observed(all),
    planEvent(all),
    ...plays,
    ...all.filter((host) => !failed(host)).map((host): RunEvent => ({ event: 'phase', host, phase: 'verify' })),
    {
      event: 'summary',
      hosts: Object.fromEntries(all.map((host) => [host, failed(host) ? summaryOf(4, 19, 1) : summaryOf(7, 19)])),
      exit: failing === undefined ? 0 : 1,
      seconds: 41.3,
    },
  ]
}

const appliedOf = (host: string, play: string, failing: boolean): readonly RunEvent[] => {
  const events: RunEvent[] = []
  for (const { role, resource, kind } of planOf(host).filter((planned) => planned.play === play)) {
    const place = { host, play, role, resource, kind: kind === 'wait' ? 'wait' : 'change' } as const
    const ok = !(failing && resource === 'package docker.io')
    events.push({ event: 'applying', ...place }, { event: 'applied', ...place, ok, seconds: resource.length / 10 })
    if (!ok) return [...events, { event: 'error', error: aptFailed(host) }]
  }
  return events
}

const aptFailed = (host: string) => ({
  message: 'apply failed (exit 100)',
  host,
  role: 'docker',
  resource: 'package docker.io',
  at: 'roles/docker/index.ts:12',
  detail: 'E: Unable to fetch some archives\nE: The repository is not signed.',
  hint: `apt-get update on ${host}`,
})

// As hosts that work at the same time tell it: one event of each, again and again.
const inTurns = (all: readonly (readonly RunEvent[])[]): readonly RunEvent[] => {
  const longest = Math.max(...all.map(({ length }) => length))
  return Array.from({ length: longest }, (_, i) => all.flatMap((events) => events[i] ?? [])).flat()
}
