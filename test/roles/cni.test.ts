import test from 'ava'
import cni from '../../roles/cni/index.ts'
import { sh } from '../resources/sh.ts'
import { declared, facts, hosts, names, releasesOf } from './fixtures.ts'

const on = (machine: keyof typeof facts) =>
  declared(cni, hosts[0], facts[machine], {}, { releases: (product) => withoutMember(releasesOf('1.9.1')(product)) })

const withoutMember = ({ member: _, ...release }: ReturnType<ReturnType<typeof releasesOf>>) => release

for (const machine of Object.keys(facts) as (keyof typeof facts)[]) {
  test(`cni on ${machine}`, (t) => {
    t.deepEqual(names(on(machine)), [
      'directory /opt/cni',
      'directory /opt/cni/bin',
      'directory /opt/cni/config',
      'artifact cni-plugins /opt/cni/bin/',
      'ready the CNI plugins tell their versions',
    ])
  })
}

test('cni installs all plugins of the archive, in the version of its vars', (t) => {
  const artifact = on('debian12').find(({ type }) => type.name === 'artifact')
  t.like(artifact?.want, { member: undefined, to: '/opt/cni/bin/', mode: '0755' })
  t.deepEqual(cni.products({ version: '1.3.0' }), { 'cni-plugins': '1.3.0' })
  t.deepEqual(cni.products({}), { 'cni-plugins': undefined })
})

const check = on('debian12').find(({ type }) => type.name === 'ready')?.want.check as string
const plugins: [says: string, code: number][] = [
  ['CNI $(basename "$0") plugin v1.9.1', 0],
  ['CNI $(basename "$0") plugin 1.0.1', 0],
  ['CNI $(basename "$0") plugin version unknown', 1],
  ['CNI bridge plugin v1.9.1', 1],
  ['cannot execute', 1],
]
for (const [says, code] of plugins) {
  test(`cni: plugins that say ${says} are ${code === 0 ? 'right' : 'not'}`, async (t) => {
    const { code: came, stdout } = await sh(`
dir=$(mktemp -d)
for plugin in loopback bridge host-local firewall portmap; do
  printf '%s\\n' '#!/bin/sh' 'echo "${says}" >&2' >"$dir/$plugin"
  chmod +x "$dir/$plugin"
done
( ${check.replaceAll('/opt/cni/bin/', '"$dir"/')} )
code=$?
rm -r "$dir"
exit $code`)
    t.is(came, code, stdout)
  })
}
