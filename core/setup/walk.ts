import { type CaravanError, UsageError } from '../errors.ts'
import { errorLines } from '../terminal/error-view.ts'
import { safeLine } from '../terminal/safe.ts'
import { count } from '../terminal/text.ts'
import type { Dialog } from './dialog.ts'
import type { Answers } from './flags.ts'
import type { Draft } from './inventory-text.ts'
import type { Login, Machine } from './machine.ts'
import { proposedNames } from './names.ts'
import { addressesIn, likeliestNetwork, privateInterfaces, privateProblems } from './private-network.ts'
import { askLogins, askNames, askNetwork, askServers } from './questions.ts'
import { type Reaching, reachAll } from './reach.ts'
import { namesProblem, privateIpsProblem, serversProblem } from './typed.ts'

/** What the way begins with. */
export type Start = Readonly<{
  /** Answers that are not asked for, as long as they hold. */
  given: Answers
  /** Answers that a person may take by Enter. */
  proposed: Answers
}>

/**
 * From nothing to a draft of the inventory: asks, looks, and asks again where an answer turned out to be wrong.
 * @throws AggregateError of all that is wrong with the machines, where nobody can be asked; else as the dialog does.
 */
export const walk = async (reaching: Reaching, { given, proposed }: Start): Promise<Draft> => {
  const { dialog } = reaching
  const logins = await askLogins(dialog, given, proposed)
  const { network, placed } = await place(reaching, await letIn(reaching, logins, given), given)
  const names = await nameAll(dialog, placed, given)
  const servers = await countServers(dialog, placed.length, given)
  return { network, servers, machines: placed.map((machine, index) => ({ ...machine, name: names[index] ?? '' })) }
}

const AGAIN = 'try again'
const CORRECT = 'correct the machines, the user or the key'
const ELSEWHERE = 'give another network, or other addresses'
const goOn = (others: number): string => `go on with the other ${others}`

/** Until all are in, or a person goes on without the others. */
const letIn = async (reaching: Reaching, first: readonly Login[], given: Answers): Promise<readonly Machine[]> => {
  const { dialog } = reaching
  for (let logins = first; ; ) {
    const { machines, failures } = await reachAll(logins, reaching)
    showMachines(dialog, machines)
    if (failures.length === 0) return machines
    const next = await whatNow(dialog, failures, [AGAIN, CORRECT], machines.length)
    if (next === goOn(machines.length)) return machines
    if (next !== CORRECT) continue
    const [one] = logins
    const user = logins.every((each) => each.user === one?.user) ? one?.user : undefined
    const proposed = { ...given, hosts: logins.map(({ address }) => address), user }
    const asked = { ...given, hosts: undefined, user: undefined, identityFile: undefined }
    logins = await askLogins(dialog, asked, { ...proposed, identityFile: one?.identityFile })
  }
}

/** Shows what is wrong and asks what to do about it. @throws AggregateError where nobody can be asked. */
const whatNow = (
  dialog: Dialog,
  problems: readonly CaravanError[],
  choices: readonly string[],
  others: number,
): Promise<string> => {
  if (!dialog.canAsk) throw new AggregateError(problems)
  const events = problems.map(({ message, details }) => ({ message, ...details }))
  dialog.say('', ...errorLines(events, dialog.style), '')
  return dialog.pick('What now?', others === 0 ? choices : [...choices, goOn(others)], 'hosts')
}

const showMachines = (dialog: Dialog, machines: readonly Machine[]): void => {
  const rows = machines.map((machine) => {
    const { login, hostname, facts } = machine
    const os = `${facts.os.id === 'ubuntu' ? 'Ubuntu' : 'Debian'} ${facts.os.version}, ${facts.arch}`
    const size = `${count(facts.cpus, 'CPU')}, ${(facts.memory / 1024).toFixed(1)} GiB`
    const own = privateInterfaces(machine).map(({ name, address }) => `${name} ${address}`)
    return [login.address, hostname, os, size, own.join(', ') || 'no private address'].map(safeLine)
  })
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
  if (lines.length > 0) dialog.say('', 'Machines:', ...lines.map((line) => `  ${line.trimEnd()}`), '')
}

type Placed = Machine & Readonly<{ privateIp: string }>

/** Until every machine has an address of its own in the private network. */
const place = async (
  reaching: Reaching,
  first: readonly Machine[],
  given: Answers,
): Promise<{ network: string; placed: readonly Placed[] }> => {
  const { dialog } = reaching
  let { network: givenNetwork, privateIps } = given
  for (let machines = first; ; ) {
    const network = givenNetwork ?? (await askNetwork(dialog, likeliestNetwork(machines)))
    const addresses = await privateAddresses(dialog, machines, network, privateIps)
    const problems = privateProblems(machines, addresses, network)
    const wrong = new Set(problems.map(({ details }) => details.host))
    const placed = machines.flatMap((machine, index) => {
      const privateIp = addresses[index]
      return privateIp === undefined || wrong.has(machine.login.address) ? [] : [{ ...machine, privateIp }]
    })
    if (problems.length === 0) return { network, placed }
    const next = await whatNow(dialog, problems, [ELSEWHERE, AGAIN], placed.length)
    if (next === goOn(placed.length)) return { network, placed }
    if (next === ELSEWHERE) givenNetwork = privateIps = undefined
    else
      machines = await letIn(
        reaching,
        machines.map(({ login }) => login),
        given,
      )
  }
}

/** What was given, or what the machines have there; undefined for one that has none. */
const privateAddresses = async (
  dialog: Dialog,
  machines: readonly Machine[],
  network: string,
  given: Answers['privateIps'],
): Promise<readonly (string | undefined)[]> => {
  if (given !== undefined && holds(dialog, 'private-ips', privateIpsProblem(given, machines.length))) return given
  const addresses: (string | undefined)[] = []
  for (const machine of machines) addresses.push(await privateAddress(dialog, machine, network))
  return addresses
}

const privateAddress = async (dialog: Dialog, machine: Machine, network: string): Promise<string | undefined> => {
  const found = addressesIn(machine, network)
  if (found.length < 2) return found[0]?.address
  const choices = found.map(({ name, address }) => `${address} (${name})`)
  const question = `Which private address of ${machine.login.address}?`
  const picked = await dialog.pick(question, choices, 'private-ips')
  return picked.split(' ')[0]
}

const nameAll = async (dialog: Dialog, machines: readonly Machine[], { names }: Answers): Promise<readonly string[]> =>
  names !== undefined && holds(dialog, 'names', namesProblem(names, machines.length))
    ? names
    : askNames(dialog, proposedNames(machines.map(({ hostname }) => hostname)))

const countServers = async (dialog: Dialog, machines: number, { servers }: Answers): Promise<number> => {
  if (servers !== undefined && holds(dialog, 'servers', serversProblem(String(servers), machines))) return servers
  if (machines < 3) {
    dialog.say('With fewer than three machines there is one server: the cluster does not survive its loss.')
    return 1
  }
  dialog.say(
    dialog.style.dim('  Servers keep the state of the cluster by majority: of 3 one may fail, of 5 two. A fourth or'),
    dialog.style.dim('  sixth would save from nothing more, so their number is odd. The others become clients.'),
  )
  return askServers(dialog, machines)
}

/** Whether a flag's answer still holds now that the machines are known. @throws UsageError where nobody can be asked. */
const holds = (dialog: Dialog, flag: string, problem: string | undefined): boolean => {
  if (problem === undefined) return true
  if (!dialog.canAsk) throw new UsageError(`--${flag}: ${problem}`)
  dialog.say(dialog.style.yellow(`--${flag}: ${problem}`))
  return false
}
