import type { Host } from './declare/host.ts'
import { type Opened, type Playbook, runPlaybook } from './playbook.ts'
import { type HostShell, hostShell, thrownByPlaybook } from './remote/host-shell.ts'
import { type Limit, limiter } from './remote/limiter.ts'
import type { CommandLine } from './terminal/cli.ts'

/** A host of the inventory on which a playbook can run commands. */
export type ShellHost = Host & Readonly<{ $: HostShell }>

/** What `onHosts` hands to a playbook. */
export type OnHosts = Readonly<{ hosts: readonly ShellHost[]; options: CommandLine }>

/**
 * A playbook of one's own, the zx way: the hosts that `--limit` leaves, each with a `$` that runs there. All flags of
 * `site.mjs` hold; `Promise.all` over hosts runs at most `--forks` commands at once. What the work throws is printed,
 * and the exit status is 1; else it is 0, or the number that the work returns.
 */
export const onHosts = (
  definition: Playbook,
  work: (input: OnHosts) => Promise<number | undefined> | Promise<void>,
): Promise<void> =>
  runPlaybook(definition, [], async (opened) => {
    const { options, hosts, fleet } = opened
    const limit = limiter(options.forks)
    await unlock(opened, limit)
    const shells = hosts.map((host) => ({
      ...host,
      $: hostShell(host, fleet.transport(host), { check: options.check, limit }),
    }))
    try {
      return (await work({ hosts: shells, options })) ?? 0
    } catch (error) {
      throw thrownByPlaybook(error)
    }
  })

/** Opens what a person has to unlock before anything runs. A host that is down is the first command's to tell. */
const unlock = async ({ hosts, fleet, interactive }: Opened, limit: Limit): Promise<void> => {
  if (!interactive) return
  const open = (host: Host) =>
    fleet.connect(host).then(
      () => undefined,
      (error) => (error.askable ? host : undefined),
    )
  const locked = await Promise.all(hosts.map((host) => limit(() => open(host))))
  for (const host of locked) if (host !== undefined) await fleet.ask(host).catch(() => undefined)
}
