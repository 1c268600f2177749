import test from 'ava'
import docker from '../../roles/docker/index.ts'
import { declared, facts, hosts, names } from './fixtures.ts'

const common = [
  'directory /etc/docker',
  'json /etc/docker/daemon.json',
  'service docker.service',
  'ready docker answers',
]
const packages: Record<keyof typeof facts, readonly string[]> = {
  debian12: ['package docker.io'],
  debian13: ['package docker.io', 'package docker-cli'],
  ubuntu2204: ['package docker.io'],
  ubuntu2404: ['package docker.io'],
}
for (const [machine, own] of Object.entries(packages)) {
  test(`docker on ${machine}`, (t) => {
    for (const host of hosts) {
      t.deepEqual(names(declared(docker, host, facts[machine as keyof typeof facts])), [...own, ...common])
    }
  })
}

const daemon = (vars: Record<string, unknown>, known: Parameters<typeof declared>[2] = facts.debian12) =>
  declared(docker, hosts[0], known, vars).find(({ type }) => type.name === 'json')?.want.merge

test('docker keeps containers over a restart, rotates logs and uses the private MTU', (t) => {
  t.deepEqual(daemon({}), {
    'live-restore': true,
    'log-driver': 'json-file',
    'log-opts': { 'max-size': '50m', 'max-file': '3' },
    mtu: 1450,
    'userland-proxy': false,
  })
})

test('docker takes vars, and settings win', (t) => {
  const settings = daemon({ logMaxSize: '1m', logMaxFiles: 9, settings: { mtu: 1400, 'data-root': '/data' } })
  t.like(settings, { mtu: 1400, 'data-root': '/data', 'log-opts': { 'max-size': '1m', 'max-file': '9' } })
})

test('docker restarts on its package and its configuration, by a reload first', (t) => {
  const resources = declared(docker, hosts[0], facts.debian12)
  const service = resources.find(({ type }) => type.name === 'service')
  t.deepEqual(names(service?.want.restartOn), ['package docker.io', 'json /etc/docker/daemon.json'])
  t.truthy(service?.want.reloadBeforeRestart)
})
