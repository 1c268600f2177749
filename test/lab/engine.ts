import { join } from 'node:path'
import { factsCache } from '../../core/converge/facts-cache.ts'
import { type Exit, run } from '../../core/converge/run.ts'
import { readInventory } from '../../core/declare/inventory.ts'
import type { Play } from '../../core/declare/play.ts'
import { roleNames } from '../../core/playbook.ts'
import { sshFleet } from '../../core/remote/ssh.ts'
import type { RunEvent } from '../../core/terminal/events.ts'
import { labDir } from '../../lab/index.ts'

/** What a run of plays on the lab's machines told. */
export type LabRun = Readonly<{ exit: Exit; events: readonly RunEvent[]; errors: readonly string[] }>

/** Runs plays of a test on the lab's machines, by the real engine over real SSH. */
export const runOnLab = async (
  plays: readonly Play[],
  options: { check?: boolean; limit?: readonly string[]; id?: string } = {},
): Promise<LabRun> => {
  const dir = labDir()
  const inventory = readInventory(join(dir, 'inventory.yaml'), { roles: [], roleNames: roleNames() })
  const fleet = sshFleet(inventory.hosts, { dir, acceptNewHostKeys: false })
  const events: RunEvent[] = []
  try {
    const exit = await run({
      id: options.id ?? `test-${process.pid}-${Date.now()}`,
      playbook: 'test',
      inventory,
      plays,
      selected: new Set(plays.keys()),
      hosts: inventory.hosts.filter(({ name }) => options.limit?.includes(name) ?? true),
      check: options.check ?? false,
      forks: 10,
      lockWait: 300,
      fleet,
      cache: factsCache(join(dir, 'facts')),
      emit: (event) => events.push(event),
      approve: async (question) => question === 'plan',
      canAsk: false,
      stop: new AbortController().signal,
    })
    return { exit, events, errors: events.flatMap((event) => (event.event === 'error' ? [event.error.message] : [])) }
  } finally {
    await fleet.close()
  }
}
