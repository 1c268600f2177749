import test from 'ava'
import { z } from 'zod'
import { underDeadMan } from '../../core/declare/dead-man.ts'
import { play } from '../../core/declare/play.ts'
import { declare, type Resource, type ResourceType } from '../../core/declare/resource.ts'
import { defineRole } from '../../core/declare/role.ts'
import { quote } from '../../core/remote/shell.ts'
import { runOnLab } from './engine.ts'

/** A blackhole route: to an address that nobody has it harms nothing, to ours it cuts us off. */
const routeType: ResourceType<{ to: string }, boolean> = {
  name: 'blackhole',
  probe: (all) =>
    all
      .map(({ want }) => `ip -4 route show type blackhole | grep -q ${quote(want.to)} && echo yes || echo no`)
      .join('\n'),
  parse: (output, all) => new Map(all.map(({ id }, index) => [id, output.split('\n')[index] === 'yes'])),
  diff: (_want, have) => (have ? [] : [{ property: 'route', from: 'absent', to: 'present' }]),
  apply: ({ want }) =>
    `ip -4 route replace blackhole ${want.to === 'us' ? `"\${SSH_CONNECTION%% *}"/32` : quote(want.to)}`,
}
const harmless = '198.18.99.99'

const guarded = (to: string): readonly Resource[] =>
  underDeadMan(
    {
      name: 'test-route',
      save: 'ip -4 route show type blackhole | sed "s/^blackhole //; s/ .*//" >routes',
      restore: `ip -4 route show type blackhole | sed 's/^blackhole //; s/ .*//' | while read -r to; do grep -qx "$to" routes || ip route del blackhole "$to"; done`,
      within: 30,
    },
    declare(routeType, to, { to }),
  )
const onNode = (name: string, to: string) =>
  play(
    defineRole('route', z.strictObject({}), () => guarded(to)),
    { on: name },
  )
const clean = (name: string) =>
  play(
    defineRole('clean', z.strictObject({}), () => [
      declare(
        {
          ...routeType,
          diff: (_want, have) => (have ? [{ property: 'route', from: 'present', to: 'absent' }] : []),
          apply: () => `ip route del blackhole ${harmless}`,
        },
        'clean',
        { to: harmless },
      ),
    ]),
    { on: name },
  )

test.serial('a network change that leaves the way in open is kept', async (t) => {
  const kept = await runOnLab([onNode('node-3', harmless)], { limit: ['node-3'] })
  t.deepEqual(kept.errors, [])
  t.is(kept.exit, 0)
  t.is((await runOnLab([onNode('node-3', harmless)], { limit: ['node-3'], check: true })).exit, 0, 'it is still there')
  t.is((await runOnLab([clean('node-3')], { limit: ['node-3'] })).exit, 0)
})

test.serial('a network change that cuts us off is undone by itself within 90 s, and reported', async (t) => {
  const began = Date.now()
  const cut = await runOnLab([onNode('node-3', 'us')], { limit: ['node-3'] })
  const seconds = (Date.now() - began) / 1000
  t.log(`undone and reported after ${seconds.toFixed(1)} s`)
  t.is(cut.exit, 1)
  t.regex(cut.errors[0] ?? '', /^the change cut the host off, and was undone by its dead-man switch after \d+ s$/)
  t.true(seconds < 90, `${seconds}`)
  const after = await runOnLab([onNode('node-3', harmless)], { limit: ['node-3'], check: true })
  t.is(after.exit, 2, 'the host answers, and nothing of the change is left')
})
