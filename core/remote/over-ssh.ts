import type { Host } from '../declare/host.ts'
import { ConnectError, UnfinishedError } from '../errors.ts'
import { lost, notConnected, notRoot } from './diagnose.ts'
import { givenUp } from './given-up.ts'
import { type Ended, runProcess } from './process.ts'
import { type Outcome, type Request, session } from './session.ts'
import type { Peer } from './ssh-words.ts'
import type { RunOptions, ScriptResult } from './transport.ts'

/** How one host is reached: everything else stands in the generated configuration. */
export type Route = Readonly<{
  host: Host
  /** The generated configuration. */
  config: string
  /** What to do about a host key that is not known. A changed one is refused in any case. */
  hostKeys: 'refuse' | 'accept-new' | 'ask'
}>

// Neither through an open connection nor left open. Source: ssh_config(5), ControlPath, ControlPersist.
const FRESH = ['-o', 'ControlPath=none', '-o', 'ControlMaster=no', '-o', 'ConnectTimeout=5']

// Source: ssh_config(5), StrictHostKeyChecking.
const STRICT = { refuse: 'yes', 'accept-new': 'accept-new', ask: 'ask' } as const

/** ssh's arguments up to the remote command. `batch`: never ask. `more`: further options. */
export const sshArguments = (
  { host, config, hostKeys }: Route,
  batch: boolean,
  more: readonly string[] = ['-T'],
): string[] => [
  ...['-F', config, '-o', `BatchMode=${batch ? 'yes' : 'no'}`, '-o', `StrictHostKeyChecking=${STRICT[hostKeys]}`],
  ...[...more, '--', host.address],
]

/**
 * Runs one command as root on a host, over the open connection or a new one, without asking anybody anything.
 * @throws ConnectError; UnfinishedError when the command may have run.
 */
export const overSsh = async (route: Route, request: Request, options: RunOptions = {}): Promise<ScriptResult> => {
  const talk = session(request)
  const ended = await runProcess(
    {
      command: 'ssh',
      args: [...(options.fresh ? FRESH : []), ...sshArguments(route, true), talk.commandLine],
      env: { ...process.env, SSH_ASKPASS_REQUIRE: 'never' },
      converse: talk.converse,
    },
    options,
  )
  const stderr = talk.clean(ended.stderr)
  const code = exitStatus(route.host, { ...ended, stderr }, talk.outcome(), talk.status(ended.stderr), options)
  return { stdout: ended.stdout, stderr, code }
}

/** The exit status of the command. ssh's own is 255 for a lost connection, but a command may end with 255 too. */
const exitStatus = (
  host: Host,
  { ending, stderr }: Ended,
  outcome: Outcome,
  heard: number | undefined,
  options: RunOptions,
): number => {
  const peer = asPeer(host)
  if (ending.kind === 'unstartable') throw noSsh(host, ending.reason)
  // The words for a wrong password can be changed; a second question cannot mean anything else.
  if (outcome.prompts > 1) throw notRoot('sudo: Sorry, try again.', 1, peer)
  if (outcome.late) throw silent(host)
  if (ending.kind === 'stopped') throw notRoot(stderr, 1, peer)
  if (ending.kind !== 'exit') throw givenUp(ending.kind, host.name, options)
  if (heard !== undefined) return heard
  if (!outcome.ready) {
    throw ending.code === 255 ? notConnected(stderr, peer) : notRoot(outcome.banner + stderr, ending.code, peer)
  }
  if (ending.code === 255) throw lost(stderr, peer)
  return ending.code
}

const asPeer = ({ name, address, ssh }: Host): Peer => ({
  name,
  address,
  pinned: ssh.hostKeys.length > 0,
  identityFile: ssh.identityFile,
})

const noSsh = ({ name }: Host, reason: string): ConnectError =>
  reason === 'ENOENT'
    ? new ConnectError('the program ssh is not on this computer', { host: name, hint: 'install the OpenSSH client' })
    : new ConnectError(`ssh cannot be started on this computer: ${reason}`, { host: name })

const silent = ({ name, address }: Host): UnfinishedError =>
  new UnfinishedError('the host let nothing be heard for 30 s', { host: name, hint: `ssh ${address}, by hand` })
