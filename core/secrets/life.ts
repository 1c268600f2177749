import type { CertificateAuthority, Means, SecretKind, Secrets } from '../declare/means.ts'
import type { Role } from '../declare/role.ts'
import { CaravanError, DeclarationError } from '../errors.ts'
import { asAuthority, type StoredAuthority } from './authority.ts'
import { makeIdentity, readIdentities, recipientsOf } from './identity.ts'
import { makeSecret, type StoredValue, unfit } from './kinds.ts'
import { Secret } from './secret.ts'
import { type Lock, lockOf, readLocked, type Store, unlock, writeStore } from './store.ts'

type Declaring = Pick<Role, 'name' | 'secrets'>

/** What a run needs to know of its secrets before it compiles its roles. */
export type LifeInput = Readonly<{
  /** `secrets.age` */
  file: string
  /** The path of the identity that opens it. */
  identity: string
  /** The identity is made where there is none: the lab's. */
  makesIdentity: boolean
  /** All roles of the site, and those of them that were selected. */
  roles: readonly Declaring[]
  selected: readonly Declaring[]
  /** A server that carries the mark of an established cluster, if there is one. @throws when a server cannot be asked. */
  established: () => Promise<string | undefined>
  /** Asks for the passphrase of the file; undefined without a terminal. */
  askPassphrase: ((question: string) => Promise<string>) | undefined
}>

/** The secrets of a run, opened. */
export type Life = Readonly<{
  secrets: Means['secrets']
  /** Writes what was made, if anything was; before anything is applied, and never under `--check`. */
  save: () => Promise<void>
}>

/**
 * Opens the secrets, but only if a selected role uses one. New ones are made when there is no file and no server of an
 * established cluster, and for names that the file has not yet; they stay in memory until `save`.
 * @throws CaravanError that says what is missing and where to get it.
 */
export const openSecrets = async (input: LifeInput): Promise<Life> => {
  const declared = kindsOf(input.roles)
  if (input.selected.every(({ secrets }) => Object.keys(secrets).length === 0))
    return { secrets: handles(undefined), save: async () => {} }
  const { store, lock } = await open(input)
  checkValues(input.file, store, declared)
  const missing = [...declared].filter(([name]) => store.secrets[name] === undefined)
  const made = await Promise.all(missing.map(async ([name, kind]) => [name, await makeSecret(name, kind)] as const))
  const whole: Store = { ...store, secrets: { ...store.secrets, ...Object.fromEntries(made) } }
  let saved = made.length === 0
  const save = async (): Promise<void> => {
    if (!saved) await writeStore(input.file, whole, lock)
    saved = true
  }
  return { secrets: handles(whole), save }
}

const kindsOf = (roles: readonly Declaring[]): ReadonlyMap<string, SecretKind> => {
  const kinds = new Map<string, SecretKind>()
  for (const { name: role, secrets } of roles) {
    for (const [name, kind] of Object.entries(secrets)) {
      if ((kinds.get(name) ?? kind) !== kind)
        throw new DeclarationError(`the secret ${name} is a ${kind} here and a ${kinds.get(name)} elsewhere`, { role })
      kinds.set(name, kind)
    }
  }
  return kinds
}

type Opened = Readonly<{ store: Store; lock: Lock }>

const open = async (input: LifeInput): Promise<Opened> => {
  const content = await readLocked(input.file)
  if (content === undefined) return begin(input)
  const lock = await lockFor(input, content)
  return { store: await unlock(input.file, content, lock), lock }
}

const begin = async ({ file, identity, makesIdentity, established }: LifeInput): Promise<Opened> => {
  const server = await established()
  if (server !== undefined)
    throw new CaravanError(`${file} is missing, but ${server} is a server of an established cluster`, {
      hint: 'bring the file back from your repository or your backup: new secrets would break the cluster',
    })
  if (makesIdentity && (await readIdentities(identity)) === undefined) await makeIdentity(identity)
  const identities = await readIdentities(identity)
  if (identities === undefined)
    throw new CaravanError(`there is no age identity at ${identity}, so that no secrets can be made`, {
      hint: 'npx zx playbooks/secrets.mjs init makes one; or CARAVAN_AGE_IDENTITY names yours',
    })
  return {
    store: { recipients: await recipientsOf(identities), secrets: {} },
    lock: { kind: 'identities', identities },
  }
}

/** What opens a file that there is. */
export const lockFor = async (
  { file, identity, askPassphrase }: Pick<LifeInput, 'file' | 'identity' | 'askPassphrase'>,
  content: Uint8Array,
): Promise<Lock> => {
  const kind = lockOf(content)
  if (kind === undefined)
    throw new CaravanError(`${file} is no age file`, { hint: 'bring it back from your repository or your backup' })
  if (kind === 'passphrase') {
    if (askPassphrase === undefined)
      throw new CaravanError(`${file} is locked by a passphrase, and there is no terminal to ask for it`, {
        hint: 'run it on a terminal, or encrypt it to an identity: npx zx playbooks/secrets.mjs rekey',
      })
    return { kind, passphrase: await askPassphrase(`passphrase of ${file}`) }
  }
  const identities = await readIdentities(identity)
  if (identities === undefined)
    throw new CaravanError(`${file} is locked: there is no age identity at ${identity}`, {
      hint: 'CARAVAN_AGE_IDENTITY=/path/of/the/identity that opens it',
    })
  return { kind, identities }
}

const checkValues = (file: string, { secrets }: Store, declared: ReadonlyMap<string, SecretKind>): void => {
  const problems = [...declared].flatMap(([name, kind]) => {
    const problem = secrets[name] === undefined ? undefined : unfit(kind, secrets[name])
    return problem === undefined ? [] : [`${name} ${problem}`]
  })
  if (problems.length > 0)
    throw new CaravanError(`${file}: ${problems.join('; ')}`, { hint: 'npx zx playbooks/secrets.mjs edit' })
}

/** Without a store, or for a role that was not selected, what has the right shape and is never written anywhere. */
const handles =
  (store: Store | undefined): Means['secrets'] =>
  (role, used) => {
    const stored = (name: string, isCa: boolean): StoredValue | undefined => {
      const kind = role.secrets[name]
      if (kind === undefined || (kind === 'ca') !== isCa)
        throw new DeclarationError(`the role declares no ${isCa ? 'ca' : 'secret'} "${name}"`, { role: role.name })
      return used ? store?.secrets[name] : undefined
    }
    return {
      value: (name) =>
        Secret.of(name, (stored(name, false) as string | undefined) ?? PLACEHOLDER[role.secrets[name] as Text]),
      ca: (name) => authority(stored(name, true) as StoredAuthority | undefined),
    } satisfies Secrets
  }

type Text = Exclude<SecretKind, 'ca'>

const PLACEHOLDER: Readonly<Record<Text, string>> = {
  key: Buffer.alloc(32).toString('base64'),
  uuid: '00000000-0000-0000-0000-000000000000',
  password: 'NotOpenedNotOpened',
}

const authority = (stored: StoredAuthority | undefined): CertificateAuthority =>
  stored === undefined
    ? { certificate: '', signingKey: () => Promise.reject(new CaravanError('this CA was not opened')) }
    : asAuthority(stored)
