import { z } from 'zod'
import { type ClusterRole, defineRole, directory, file, service } from '../../core/index.ts'

const PORT = 7777

export const ToyVars = z.strictObject({ generation: z.int().default(0), broken: z.string().default('') })

const unit = (privateIp: string, seconds: number): string => `[Unit]
Description=A server of the toy cluster
[Service]
# down for a while at each start, so that two at once would be seen
ExecStartPre=/bin/sleep ${seconds}
ExecStart=/usr/bin/python3 -m http.server ${PORT} --bind ${privateIp} --directory /srv/toy
[Install]
WantedBy=multi-user.target
`

/** A web server on each machine; together they are a cluster, whose leader is the first that answers. */
export const toyRole = defineRole('toy', ToyVars, ({ host, vars }) => {
  const definition = file('/etc/systemd/system/toy.service', { content: unit(host.privateIp, 2) })
  const config = file('/srv/toy/generation', { content: `${vars.generation}\n` })
  return [
    directory('/srv/toy', {}),
    definition,
    config,
    ...(vars.broken === host.name ? [file('/srv/toy-missing/file', { content: '' })] : []),
    service('toy', { enabled: true, running: true, noBlock: true, restartOn: [definition, config] }),
  ]
})

const addresses = ['10.33.0.2', '10.33.0.3', '10.33.0.4']

export const toyCluster: ClusterRole = {
  name: 'toy',
  within: 30,
  // every server asks all: who answers is in the cluster, and there is a leader where most of them answer
  observe: ({ privateIp }) => `
for a in ${addresses.join(' ')}; do curl -sf -o /dev/null --max-time 1 "http://$a:${PORT}/" && echo "up $a"; done
echo "me ${privateIp}"`,
  parse: (output, { privateIp }) => {
    const up = addresses.filter((address) => output.split('\n').includes(`up ${address}`))
    const healthy = up.includes(privateIp)
    return { healthy, voter: healthy, leader: up.length >= 2 && up[0] === privateIp }
  },
}
