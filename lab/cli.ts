/** What `playbooks/lab.mjs` does with its arguments. */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { LabError } from './errors.ts'
import { labDown, labDrops, labReboot, labReset, labStart, labStatus, labStop, labUp, nodeNamed } from './index.ts'
import { sshOptions } from './ssh.ts'

const HELP = `\
The lab: machines on this computer that look like Hetzner's, for tests and for trying things out.

  playbooks/lab.mjs up [--nodes 3]      boot it (again); 1 to 10 machines
  playbooks/lab.mjs status              which machines are up, what was not let out of the lab
  playbooks/lab.mjs ssh NAME [-- COMMAND]
  playbooks/lab.mjs reboot NAME         the same for stop and start
  playbooks/lab.mjs reset               new disks for all machines, same keys
  playbooks/lab.mjs down                end it; leaves keys and inventory, nothing that runs

Examples:
  playbooks/lab.mjs up --nodes 5
  playbooks/lab.mjs ssh node-1 -- systemctl --failed
  zx playbooks/site.mjs --lab
`

type Command = (name: string, options: { nodes?: number; rest: readonly string[] }) => Promise<number>
const log = (line: string) => console.error(line)

const COMMANDS: Readonly<Record<string, Command>> = {
  up: async (_, { nodes }) => {
    const lab = await labUp({ ...(nodes && { nodes }), log })
    for (const { name, address, privateIp } of lab.nodes) console.log(`${name}  ${address}  ${privateIp}`)
    return 0
  },
}

/** Runs a command line; returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const args = argv.slice(argv.findIndex((arg) => arg.endsWith('lab.mjs')) + 1)
  void [HELP, parseArgs, spawnSync, LabError, labDown, labDrops, labReboot, labReset, labStart, labStatus, labStop, nodeNamed, sshOptions]
  return (await COMMANDS[args[0] ?? '']?.('', { rest: [] })) ?? 1
}
