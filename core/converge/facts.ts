import type { Facts, Host } from '../declare/host.ts'
import type { Vitals } from '../declare/role.ts'
import { ProbeError } from '../errors.ts'

/**
 * Prints what a host says about itself, a line each. Source: os-release(5), proc(5), ip-address(8).
 * The clock comes first, so that it can be held against the moment at which the line arrived.
 */
export const factsFragment = `
printf 'time %s\\n' "$(date +%s.%N)"
. /etc/os-release
printf 'os %s %s %s\\n' "\${ID:--}" "\${VERSION_ID:--}" "\${VERSION_CODENAME:--}"
printf 'kernel %s\\n' "$(uname -r)"
printf 'arch %s\\n' "$(dpkg --print-architecture 2>/dev/null || uname -m)"
printf 'cpus %s\\n' "$(nproc)"
while read -r key value unit; do [ "$key" != MemTotal: ] || printf 'memory %s\\n' "$value"; done </proc/meminfo
v=$(timeout 20 systemctl --version 2>/dev/null); v=\${v#systemd }; printf 'systemd %s\\n' "\${v%% *}"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo 'cgroup 2'; else echo 'cgroup 1'; fi
if [ -x /lib/systemd/systemd-resolved ]; then echo 'resolved yes'; else echo 'resolved no'; fi
ip -o -4 addr show | while read -r n name family address more; do printf 'address %s %s\\n' "$name" "\${address%/*}"; done
for d in /sys/class/net/*; do read -r mtu <"$d/mtu" && printf 'mtu %s %s\\n' "\${d##*/}" "$mtu"; done
ip -4 route show default | while read -r word via gateway dev name more; do printf 'default %s\\n' "$name"; break; done
sync=no; [ ! -e /run/systemd/timesync/synchronized ] || sync=yes
[ $sync = yes ] || ! timeout 20 systemctl is-active -q chrony chronyd ntpsec ntp 2>/dev/null || sync=yes
printf 'synchronised %s\\n' "$sync"
applied=; [ ! -f /run/caravan/applied ] || read -r applied </run/caravan/applied; printf 'applied %s\\n' "\${applied:--}"`

/** What was read, before it is held against the inventory. */
export type ObservedFacts = Readonly<{
  facts: Facts
  addresses: readonly (readonly [string, string])[]
  clock: number
  timeSynchronised: boolean
  /** The run that last applied something there; empty: none since it booted. */
  applied: string
}>

/** Understands what `factsFragment` printed. @throws ProbeError when something is missing. */
export const parseFacts = (output: string, host: Host): ObservedFacts => {
  // whatever a host prints, facts are short
  const lines = output
    .slice(0, 256 * 1024)
    .split('\n')
    .map((line) => line.slice(0, 200).split(' '))
  const all = (key: string) => lines.filter(([first]) => first === key).map((line) => line.slice(1))
  const one = (key: string): readonly string[] => {
    const [values] = all(key)
    if (values === undefined || values.includes('')) throw incomprehensible(key)
    return values
  }
  const number = (key: string): number => {
    const value = Number(one(key)[0])
    if (!Number.isFinite(value)) throw incomprehensible(key)
    return value
  }
  const addresses = all('address').map(([name = '', address = '']) => [name, address] as const)
  const privateInterface = addresses.find(([, address]) => address === host.privateIp)?.[0]
  const mtu = all('mtu').find(([name]) => name === privateInterface)?.[1]
  const [id = '', version = '', codename = ''] = one('os')
  const facts: Facts = Object.freeze({
    arch: one('arch')[0] ?? '',
    os: Object.freeze({ id, version, codename }),
    kernel: one('kernel')[0] ?? '',
    systemd: number('systemd'),
    cpus: number('cpus'),
    memory: Math.floor(number('memory') / 1024),
    cgroup: number('cgroup') === 2 ? 2 : 1,
    resolved: one('resolved')[0] === 'yes',
    privateInterface,
    privateMtu: mtu === undefined ? undefined : Number(mtu),
    publicInterface: all('default')[0]?.[0],
  })
  return {
    facts,
    addresses,
    clock: number('time'),
    timeSynchronised: one('synchronised')[0] === 'yes',
    applied: (one('applied')[0] ?? '').replace(/^-$/, ''),
  }
}

const incomprehensible = (what: string): ProbeError =>
  new ProbeError(`the host did not tell its ${what}`, {
    hint: 'Caravan needs Debian or Ubuntu with systemd, and iproute2',
  })

/**
 * What holds only now. `sent` and `arrived` are when the script left and its first line came back, in seconds: the clock
 * was read somewhere in between, so only what lies outside of that span is certain.
 */
export const vitalsOf = ({ clock, timeSynchronised }: ObservedFacts, sent: number, arrived: number): Vitals => {
  const skew = clock > arrived ? clock - arrived : clock < sent ? clock - sent : 0
  return Object.freeze({ skew, timeSynchronised })
}
