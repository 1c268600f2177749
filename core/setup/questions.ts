import { relative } from 'node:path'
import type { Dialog } from './dialog.ts'
import { type Answers, fileProblem, pathOf } from './flags.ts'
import type { Login } from './machine.ts'
import { configuredUser, sshAliases } from './own-ssh.ts'
import {
  addressesProblem,
  listOf,
  namesProblem,
  networkProblem,
  serverChoices,
  serversProblem,
  userProblem,
} from './typed.ts'

/** Which machines, and how they are reached. `proposed` are answers that a person may take by Enter. */
export const askLogins = async (dialog: Dialog, given: Answers, proposed: Answers): Promise<readonly Login[]> => {
  const hosts = given.hosts ?? (await askHosts(dialog, proposed.hosts))
  const configured = await Promise.all(hosts.map((address) => configuredUser(address)))
  const user = given.user ?? (await askUser(dialog, configured, proposed.user))
  const identityFile = given.identityFile ?? (await askIdentityFile(dialog, proposed.identityFile))
  const { port, sudoPasswordFile } = given
  return hosts.map((address, index) => ({
    ...{ address, port, identityFile, sudoPasswordFile },
    user: user === AS_CONFIGURED ? configured[index] : user,
  }))
}

const askHosts = async (dialog: Dialog, proposed: Answers['hosts']): Promise<readonly string[]> => {
  const aliases = proposed === undefined && dialog.canAsk ? sshAliases() : []
  const question = 'Which hosts of your ssh configuration? (space picks; none: type addresses)'
  const picked = aliases.length === 0 ? [] : await dialog.choose(question, aliases, 'hosts')
  if (picked.length > 0) return picked
  const typed = await dialog.text({
    question: 'Machines: addresses or names, separated by spaces',
    flag: 'hosts',
    initial: proposed?.join(' '),
    problem: (text) => addressesProblem(listOf(text)),
  })
  return listOf(typed)
}

const AS_CONFIGURED = 'as your ssh configuration says'

/** One for all machines, or what the configuration says for each. */
const askUser = async (
  dialog: Dialog,
  configured: readonly (string | undefined)[],
  proposed: string | undefined,
): Promise<string> => {
  const all = configured.every((user) => user !== undefined)
  if (all && !dialog.canAsk) return AS_CONFIGURED
  const [first] = new Set(configured)
  const differ = new Set(configured).size > 1
  return dialog.text({
    question: 'SSH user (sudo is used when it is not root)',
    flag: 'user',
    initial: proposed ?? (all && differ ? AS_CONFIGURED : (first ?? 'root')),
    problem: (text) => (all && text === AS_CONFIGURED ? undefined : userProblem(text)),
  })
}

const askIdentityFile = async (dialog: Dialog, proposed: string | undefined): Promise<string | undefined> => {
  // without a key of its own, ssh uses what it uses by hand: no answer is missing
  if (!dialog.canAsk) return undefined
  const none = 'what ssh uses by itself'
  const typed = await dialog.text({
    question: 'Private key for SSH',
    flag: 'identity-file',
    initial: proposed === undefined ? none : relative('', proposed),
    problem: (text) => (text === none ? undefined : fileProblem(text)),
  })
  return typed === none ? undefined : pathOf(typed)
}

/** The private network. */
export const askNetwork = (dialog: Dialog, proposed: string | undefined): Promise<string> =>
  dialog.text({
    question: 'Private network of the cluster',
    flag: 'network',
    initial: proposed,
    problem: networkProblem,
  })

/** The machines' names, in their order. */
export const askNames = async (dialog: Dialog, proposed: readonly string[]): Promise<readonly string[]> => {
  const typed = await dialog.text({
    question: `Names, in the order of the machines`,
    flag: 'names',
    initial: proposed.join(' '),
    problem: (text) => namesProblem(listOf(text), proposed.length),
  })
  return listOf(typed)
}

/** How many of the machines are servers. */
export const askServers = async (dialog: Dialog, machines: number): Promise<number> => {
  const typed = await dialog.text({
    question: `How many of the ${machines} are servers? (${serverChoices(machines).join(', ')})`,
    flag: 'servers',
    initial: '3',
    problem: (text) => serversProblem(text, machines),
  })
  return Number(typed)
}
