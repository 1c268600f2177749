import type { Host } from '../declare/host.ts'
import { AskableError, asCaravanError, CaravanError, ConnectError } from '../errors.ts'
import { type HostKey, shownHostKey } from '../remote/host-keys.ts'
import { type Fleet, sshFleet } from '../remote/ssh.ts'
import { NoAnswer } from '../terminal/prompts.ts'
import type { Dialog } from './dialog.ts'
import { type Login, type Machine, machineFragment, parseMachine } from './machine.ts'

/** What it takes to reach machines. */
export type Reaching = Readonly<{
  dialog: Dialog
  /** Where Caravan keeps what it needs for ssh. */
  dir: string
  /** Trust host keys that nobody vouches for. */
  acceptNewHostKeys: boolean
  /** Host keys that are trusted already, such as the lab's, per address. What a person accepts is added. */
  known: Map<string, readonly string[]>
  askPassword: (question: string) => Promise<string>
  /** Aborted by Ctrl-C while no question of ours is asked. */
  signal: AbortSignal
}>

/** The machines that let us in, and why the others did not. */
export type Reached = Readonly<{ machines: readonly Machine[]; failures: readonly CaravanError[] }>

/**
 * Sees and has accepted the host keys, connects, becomes root and looks around, on all machines at once. Whoever has to
 * be asked for a passphrase or a password is asked one after the other.
 * @throws UsageError, NoAnswer as the dialog does.
 */
export const reachAll = async (logins: readonly Login[], reaching: Reaching): Promise<Reached> => {
  const { dialog } = reaching
  dialog.say(dialog.style.dim(`looking at ${logins.map(({ address }) => address).join(', ')} …`))
  const seen = await settled(
    logins.map((login) => ({ login })),
    ({ login }) => seeKey(login, reaching),
  )
  refuseInterrupted(reaching)
  const accepted = await acceptKeys(seen.done, reaching)
  const entered = await enterAll(accepted.done, reaching)
  refuseInterrupted(reaching)
  return { machines: entered.done, failures: [...seen.failures, ...accepted.failures, ...entered.failures] }
}

type Settled<T> = Readonly<{ done: readonly T[]; failures: readonly CaravanError[] }>
type SeenKey = Readonly<{ login: Login; host: Host; key: HostKey; known: boolean }>

/** Works on all at once; who fails is named by address. */
const settled = async <One extends { login: Login }, T>(
  all: readonly One[],
  work: (one: One) => Promise<T | undefined>,
): Promise<Settled<T>> => {
  const results = await Promise.all(
    all.map((one) => work(one).catch((thrown: unknown) => asFailure(one.login.address, thrown))),
  )
  return {
    done: results.filter((one): one is Awaited<T> => one !== undefined && !(one instanceof CaravanError)),
    failures: results.filter((one) => one instanceof CaravanError),
  }
}

const asFailure = (address: string, thrown: unknown): CaravanError => {
  if (thrown instanceof NoAnswer) throw thrown
  const error = asCaravanError(thrown)
  const Kind = error instanceof AskableError ? AskableError : CaravanError
  return new Kind(error.message, { ...error.details, host: address })
}

const seeKey = async (login: Login, { known }: Reaching): Promise<SeenKey> => {
  const { address, port } = login
  const expected = known.get(address)
  const found = await shownHostKey(address, port)
  const { key } = found
  const isKnown = expected === undefined ? found.known : expected.includes(asLine(key))
  if (expected === undefined || isKnown) return { login, key, known: isKnown, host: asHost(login, key) }
  throw new ConnectError('its host key is not the one that is known', { hint: 'is it another machine?' })
}

const asLine = ({ type, key }: HostKey): string => `${type} ${key}`

/** Shows the keys and has those accepted that nobody vouches for. */
const acceptKeys = async (seen: readonly SeenKey[], reaching: Reaching): Promise<Settled<SeenKey>> => {
  const { dialog, acceptNewHostKeys, known: trusted } = reaching
  if (seen.length > 0) showKeys(seen, dialog)
  const strangers = seen.filter(({ known }) => !known && !acceptNewHostKeys)
  if (strangers.length > 0 && dialog.canAsk) await askAboutKeys(dialog)
  const refused = dialog.canAsk ? [] : strangers
  const accepted = seen.filter((one) => !refused.includes(one))
  for (const { login, key } of accepted) trusted.set(login.address, [asLine(key)])
  return { done: accepted, failures: refused.map(({ login }) => stranger(login)) }
}

const stranger = ({ address }: Login): CaravanError =>
  new CaravanError('its host key is not known yet, and nobody can be asked here', {
    host: address,
    hint: 'compare it with what the machine says on its own console, then pass --accept-new-host-keys',
  })

const showKeys = (seen: readonly SeenKey[], dialog: Dialog): void => {
  const columns = Math.max(...seen.map(({ login }) => login.address.length))
  const lines = seen.map(({ login, key, known }) => {
    const note = known ? dialog.style.dim('known already') : dialog.style.yellow('new')
    return `  ${login.address.padEnd(columns)}  ${key.type} ${key.fingerprint}  ${note}`
  })
  dialog.say('', 'Host keys:', ...lines)
}

const askAboutKeys = async (dialog: Dialog): Promise<void> => {
  const where = "A machine's own console tells its key: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
  dialog.say(dialog.style.dim(`  ${where}`), '')
  if (await dialog.yes('Are the new ones the keys of your machines?', 'accept-new-host-keys')) return
  throw new CaravanError('the host keys were not accepted: nothing was written')
}

const enterAll = async (seen: readonly SeenKey[], reaching: Reaching): Promise<Settled<Machine>> => {
  if (seen.length === 0) return { done: [], failures: [] }
  const { dir, askPassword } = reaching
  const hosts = seen.map(({ host }) => host)
  const fleet = sshFleet(hosts, { dir, acceptNewHostKeys: false, askPassword })
  try {
    const open = await settled(seen, async (one) => {
      await fleet.connect(one.host)
      return one
    })
    const { done, failures } = reaching.dialog.canAsk ? await unlock(open, seen, fleet, reaching) : open
    const looked = await settled(done, (one) => lookAround(one, fleet))
    return { done: looked.done, failures: [...failures, ...looked.failures] }
  } finally {
    await fleet.close()
  }
}

/**
 * Lets ssh and sudo ask the person for what they want, one machine after the other. Once that was in vain no further
 * one asks: with a wrong user, all would want the same password that nobody has.
 */
const unlock = async (
  { done, failures }: Settled<SeenKey>,
  seen: readonly SeenKey[],
  fleet: Fleet,
  reaching: Reaching,
): Promise<Settled<SeenKey>> => {
  const unlocked: SeenKey[] = []
  const refused: CaravanError[] = []
  for (const failure of failures) {
    const one = seen.find(({ login }) => login.address === failure.details.host)
    const isAskable = failure instanceof AskableError && refused.every((each) => !(each instanceof AskableError))
    refuseInterrupted(reaching)
    const after = one === undefined || !isAskable ? failure : await askFor(one, failure, fleet, reaching)
    if (after instanceof CaravanError) refused.push(after)
    else unlocked.push(after)
  }
  const inside = seen.filter((one) => done.includes(one) || unlocked.includes(one))
  return { done: inside, failures: refused }
}

const askFor = async (
  one: SeenKey,
  failure: CaravanError,
  fleet: Fleet,
  { dialog }: Reaching,
): Promise<SeenKey | CaravanError> => {
  dialog.say('', `${one.login.address}: ${failure.message}`)
  return dialog
    .handOver(() => fleet.ask(one.host))
    .then(
      () => one,
      (thrown: unknown) => asFailure(one.login.address, thrown),
    )
}

/** @throws NoAnswer once the person pressed Ctrl-C while ssh was at work. */
const refuseInterrupted = ({ signal }: Reaching): void => {
  if (signal.aborted) throw new NoAnswer('interrupted')
}

const lookAround = async ({ login, key, host }: SeenKey, fleet: Fleet): Promise<Machine> => {
  const { stdout } = await fleet.transport(host).run(machineFragment, { timeout: 60 })
  return { login, hostKey: asLine(key), fingerprint: key.fingerprint, ...parseMachine(String(stdout), host) }
}

// The name is for the ssh configuration only; messages name the address. The order of the settings is the inventory's:
// the site then finds the connections open.
const asHost = ({ address, user, port, identityFile, sudoPasswordFile }: Login, key: HostKey): Host => ({
  name: /^[A-Za-z0-9][\w.-]*$/.test(address) ? address : `machine-${address.replaceAll(/[^\w]/g, '-')}`,
  address,
  privateIp: '',
  slot: undefined,
  groups: [],
  ssh: { user, port, identityFile, hostKeys: [asLine(key)], sudoPasswordFile },
  vars: {},
})
