#!/usr/bin/env zx
import '../core/start.mjs'

const { tunnel } = await import('../core/index.ts')

await tunnel(
  {
    playbook: 'tunnel',
    summary: 'Opens the pages of Consul, Nomad and HAProxy in your browser, through SSH.',
    examples: ['--limit node-2                      those of this host'],
    lab: () => import('../lab/index.ts'),
  },
  [
    {
      name: 'Consul',
      port: 8500,
      path: '/ui/',
      signIn: 'token: npx zx playbooks/secrets.mjs show consul-management-token',
    },
    {
      name: 'Nomad',
      port: 4646,
      path: '/ui/',
      ca: '/etc/nomad.d/tls/ca.pem',
      signIn: 'token: npx zx playbooks/secrets.mjs show nomad-management-token',
    },
    { name: 'HAProxy', port: 8404, path: '/stats' },
  ],
)
