import { dirname, join } from 'node:path'
import type { ReleasesInput } from './artifacts/releases.ts'
import { hostsOfPlay, type Play } from './declare/play.ts'
import { type Opened, root } from './playbook.ts'

/** What the plays install on hosts, and where it is known what that is: beside the inventory; for the lab beside its. */
export const releasesInput = (
  plays: readonly Play[],
  hosts: Opened['hosts'],
  { inventory }: Pick<Opened, 'inventory'>,
): ReleasesInput => ({
  catalogue: join(root, 'versions.yaml'),
  lock: join(dirname(inventory.file), 'versions.lock'),
  inventory,
  asked: plays.flatMap((play) => {
    const { role } = play
    const own = hostsOfPlay(play, inventory).filter(({ name }) => hosts.some((host) => host.name === name))
    return own.map(({ vars }) => ({ role: role.name, pins: role.products(role.vars.parse(vars[role.name] ?? {})) }))
  }),
})
