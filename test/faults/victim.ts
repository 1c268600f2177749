import { createCipheriv, createHash } from 'node:crypto'
import { z } from 'zod'
import { block, defineRole, directory, file, json, packages, ready, service } from '../../core/index.ts'

/** What the playbook of the faults sets up; `generation` changes each content. */
export const VictimVars = z.strictObject({
  generation: z.int().default(0),
  /** Hosts whose check hangs. */
  hangs: z.string().default(''),
})

const DIRECTORY = '/srv/faults'
export const UNIT = 'faults.service'

/** 3 MB that are the same for the same generation, and too much for a script. */
export const bigContent = (generation: number): Uint8Array =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16, `${generation}`), Buffer.alloc(16)).update(Buffer.alloc(3_000_000))

// What it runs with is copied as it starts, and it takes a while to get ready, so that each phase can be hit.
const unit = `[Unit]
Description=The victim of the faults
[Service]
ExecStartPre=/bin/sh -c 'rm -f /run/faults-ready; cp ${DIRECTORY}/config /run/faults-running; sleep 1'
ExecStart=/bin/sh -c 'sleep 1.5; touch /run/faults-ready; exec sleep infinity'
[Install]
WantedBy=multi-user.target
`

export const victim = defineRole('faults', VictimVars, ({ host, vars: { generation, hangs } }) => {
  const definition = file(`/etc/systemd/system/${UNIT}`, { content: unit })
  const config = file(`${DIRECTORY}/config`, { content: `generation ${generation}\n` })
  return [
    directory(DIRECTORY, {}),
    ...packages(['hello']),
    file(`${DIRECTORY}/big`, { content: bigContent(generation) }),
    config,
    block(`${DIRECTORY}/shared`, { name: 'faults', content: `generation ${generation}\n` }),
    json(`${DIRECTORY}/own.json`, { merge: { faults: { generation } } }),
    definition,
    service('faults', { enabled: true, running: true, restartOn: [definition, config], within: '30s' }),
    ready('faults is ready', {
      unit: UNIT,
      check: hangs.split(' ').includes(host.name) ? 'sleep 1000' : '[ -e /run/faults-ready ]',
      within: '20s',
    }),
  ]
})

/** What a person may do to it in the meantime, in an order that does not matter. */
export const DRIFTS = {
  package: 'dpkg --purge hello >/dev/null 2>&1',
  big: `echo more >>${DIRECTORY}/big`,
  config: `echo '# mine' >>${DIRECTORY}/config`,
  block: `sed -i 's/^generation.*/mine/' ${DIRECTORY}/shared; echo above | cat - ${DIRECTORY}/shared >/tmp/shared; cat /tmp/shared >${DIRECTORY}/shared; rm /tmp/shared`,
  json: `echo '{"mine":true,"faults":{"generation":"mine"}}' >${DIRECTORY}/own.json`,
  definition: `echo '# mine' >>/etc/systemd/system/${UNIT}`,
  stopped: `systemctl stop ${UNIT}`,
  mode: `chmod 0600 ${DIRECTORY}/config; chmod 0700 ${DIRECTORY}`,
} as const

/** Removes all of it. */
export const RESET = `systemctl disable -q --now ${UNIT} 2>/dev/null || :
rm -rf ${DIRECTORY} /etc/systemd/system/${UNIT} /run/faults-* /run/caravan/${UNIT}
dpkg --purge hello >/dev/null 2>&1 || :
systemctl daemon-reload`

/** Prints what is not as the generation wants it, or was left behind; nothing when all is well. */
export const wrongOn = (generation: number): string => `
for program in dpkg flock; do command -v $program >/dev/null || echo "no $program"; done
find / -xdev \\( -name '.*.caravan' -o -name '*.part' -path '*caravan*' \\) -print
find ${DIRECTORY} /run/caravan -name '.*' -print
find /var/lib/caravan/upload -type f -print 2>/dev/null || :
dpkg --audit
[ "$(dpkg-query -W -f '\${db:Status-Abbrev}' hello 2>&1)" = 'ii ' ] || echo hello is not installed
[ "$(sha256sum <${DIRECTORY}/big | cut -c1-64)" = ${createHash('sha256').update(bigContent(generation)).digest('hex')} ] || echo big is torn
[ "$(cat ${DIRECTORY}/config)" = 'generation ${generation}' ] || echo config is not the newest
[ "$(sed -n '/BEGIN caravan faults/,/END caravan faults/p' ${DIRECTORY}/shared | sed -n 2p)" = 'generation ${generation}' ] || cat ${DIRECTORY}/shared
[ "$(python3 -c 'import json; print(json.load(open("${DIRECTORY}/own.json"))["faults"]["generation"])')" = ${generation} ] || cat ${DIRECTORY}/own.json
cmp ${DIRECTORY}/config /run/faults-running || echo the service runs with an older config
[ "$(systemctl show -p ActiveState,NeedDaemonReload --value ${UNIT} | xargs)" = 'active no' ] || systemctl show -p ActiveState,NeedDaemonReload ${UNIT}
[ ! -e /run/caravan/lease ] || [ "$(sed -n 2p /run/caravan/lease)" -le $(($(date +%s) + 60)) ] || cat /run/caravan/lease
[ ! -e /run/caravan/lock ] || flock -n /run/caravan/lock true || echo the lock is held`
