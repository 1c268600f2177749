import { existsSync } from 'node:fs'
import test from 'ava'
import { type KernelModuleHave, kernelModule, kernelModuleType } from '../../core/resources/kernel-module.ts'
import { law, lawOfUnknown, observe } from './law.ts'
import { privateHost } from './private-host.ts'
import { fragment } from './sh.ts'
import { diffTable, garbageTable, wrongTable } from './tables.ts'

const { want } = kernelModule('br_netfilter')

diffTable(kernelModuleType, [
  ['both', want, { loaded: true, persisted: true }, []],
  ['neither', want, { loaded: false, persisted: false }, ['loaded: no → yes', 'persisted: no → yes']],
  ['only now', want, { loaded: true, persisted: false }, ['persisted: no → yes']],
])

wrongTable(
  ['', 'a b', "it's", 'a\nb', '$(id)', '-r', 'a/b', 'a.ko', 'a\0'].map((name) => [
    () => kernelModule(name),
    /not a name of a kernel module/,
  ]),
)

const FILE = '/etc/modules-load.d/caravan-br_netfilter.conf'
garbageTable('kernelModule', (output) => kernelModuleType.parse(output, [kernelModule('br_netfilter')]), [
  'x\n',
  'loaded:other\n',
  '/etc/passwd:root\n',
])

const OUTPUTS: readonly [output: string, have: KernelModuleHave][] = [
  ['', { loaded: false, persisted: false }],
  [`loaded:br_netfilter\n${FILE}:br_netfilter\n`, { loaded: true, persisted: true }],
  ['loaded:br-netfilter\n', { loaded: true, persisted: false }],
  [`${FILE}:#br_netfilter\n`, { loaded: false, persisted: false }],
  [`${FILE}:br_netfilter\n${FILE}:other\n`, { loaded: false, persisted: false }],
]

for (const [output, expected] of OUTPUTS)
  test(`parse: ${JSON.stringify(output)}`, (t) =>
    t.deepEqual(kernelModuleType.parse(output, [kernelModule('br_netfilter')]).get('br_netfilter'), expected))

test('it owns the file that keeps it', (t) => t.is(kernelModuleType.identity?.('br_netfilter'), `path:${FILE}`))

test('probe: the real kernel', async (t) => {
  // `kernel` and `printk` are directories of /sys/module on every Linux
  if (!existsSync('/sys/module/printk')) return t.log('skipped: there is no /sys/module here')
  const found = await observe(['printk', 'no_such-module', 'kernel'].map((name) => kernelModule(name)))
  t.deepEqual(
    found.map((have) => (have as KernelModuleHave).loaded),
    [true, false, true],
  )
})

test('law: on a private host', async (t) => {
  const world = await privateHost(t)
  if (world === undefined) return
  const [change] = await law(t, world, kernelModule('printk'))
  t.is(change?.property, 'persisted')
  await lawOfUnknown(t, world, kernelModule('kernel'))
  // built in without parameters: only the list of built-in modules knows it
  await fragment(
    'd=/usr/lib/modules/$(uname -r); mkdir -p $d; echo kernel/net/br-x_y.ko >$d/modules.builtin; [ -e /lib/modules ]',
    world.options,
  )
  const found = (await observe([kernelModule('br_x-y'), kernelModule('x_y')], world.options)) as KernelModuleHave[]
  t.deepEqual(
    found.map(({ loaded }) => loaded),
    [true, false],
  )
})
