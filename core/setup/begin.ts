import { join } from 'node:path'
import { type Inventory, readInventory } from '../declare/inventory.ts'
import type { Play } from '../declare/play.ts'
import { type Place, roleNames, root } from '../playbook.ts'
import type { CommandLine } from '../terminal/cli.ts'
import { type Answers, NO_ANSWERS, type setupFlags } from './flags.ts'

/** What the playbook of the set-up hands over. */
export type Setup = Readonly<{
  /** The plays of the site, which it offers to run at the end. */
  plays: readonly Play[]
  /** Loads what makes `--lab` possible. */
  lab: () => Promise<{ labUp: (options: { log: (line: string) => void }) => Promise<Place> }>
}>

/** What the set-up begins with. */
export type Beginning = Readonly<{
  /** Where the inventory will be. */
  place: Place
  /** Answers that a person may take by Enter. */
  proposed: Answers
  /** Host keys that are trusted already, per address. */
  hostKeys: Map<string, readonly string[]>
  /** Where everything is downloaded from; undefined: as by default. */
  downloads: Inventory['downloads'] | undefined
}>

/** With `--lab` the lab's own inventory is what is proposed, and it stays as it is: another one is written beside it. */
export const begin = async (
  { lab }: Setup,
  options: Pick<CommandLine<typeof setupFlags>, 'lab' | 'inventory'>,
): Promise<Beginning> => {
  if (!options.lab) {
    const inventory = options.inventory ?? join(root, 'inventory.yaml')
    return {
      place: { dir: join(root, '.caravan'), inventory },
      proposed: NO_ANSWERS,
      hostKeys: new Map(),
      downloads: undefined,
    }
  }
  const { labUp } = await lab()
  const { dir, inventory } = await labUp({ log: (line) => process.stderr.write(`${line}\n`) })
  const { hosts, downloads } = readInventory(inventory, { roles: [], roleNames: roleNames() })
  const [first] = hosts
  return {
    place: { dir, inventory: join(dir, 'setup-inventory.yaml') },
    proposed: {
      ...NO_ANSWERS,
      hosts: hosts.map(({ address }) => address),
      user: first?.ssh.user,
      identityFile: first?.ssh.identityFile,
    },
    hostKeys: new Map(hosts.map(({ address, ssh }) => [address, ssh.hostKeys])),
    downloads: downloads.mirror === undefined ? undefined : downloads,
  }
}
