/** What a person needs to mend a failure; every error that Caravan means to show is one of these. */
export type ErrorDetails = {
  /** Which host, as the inventory names it. */
  host?: string | undefined
  /** Which role declared the resource. */
  role?: string | undefined
  /** Which resource, as `type id`. */
  resource?: string | undefined
  /** The source line that asked for it, as `file:line` or `file:line:column`. */
  at?: string | undefined
  /** What to do about it: a command or a sentence. */
  hint?: string | undefined
  /** Further lines that explain it, such as the last lines of a log. */
  detail?: string | undefined
}

/** The base of all errors that are shown to a person. A stack trace is printed only for errors that are not one. */
export class CaravanError extends Error {
  readonly details: ErrorDetails

  constructor(message: string, details: ErrorDetails = {}) {
    super(message)
    this.name = new.target.name
    this.details = Object.freeze({ ...details })
  }

  /** The same error with details that were not known where it was thrown. Details that it already has win. */
  with(details: ErrorDetails): CaravanError {
    const Same = this.constructor as new (message: string, details: ErrorDetails) => CaravanError
    return new Same(this.message, { ...details, ...this.details })
  }
}

/** The command line was wrong: an unknown flag, role or host, or a missing `--yes`. */
export class UsageError extends CaravanError {}
/** The inventory was wrong. Carries every problem, not the first only. */
export class InventoryError extends CaravanError {}
/** A role or a playbook declared something that makes no sense, such as a relative path. */
export class DeclarationError extends CaravanError {}
/** Two resources contradict each other on one host. */
export class ConflictError extends CaravanError {}
/** A host could not be reached, or would not let us in. */
export class ConnectError extends CaravanError {
  /** Whether a person at a terminal could mend it: a host key to accept, a passphrase, a password. */
  get askable(): boolean {
    return false
  }
}
/** A host that waits for a person: the same connection can be opened by somebody at a terminal. */
export class AskableError extends ConnectError {
  override get askable(): boolean {
    return true
  }
}
/** How a script on a host ended is not known: the connection was lost, or we gave up waiting. It may have run. */
export class UnfinishedError extends ConnectError {}
/** What a host answered to a probe could not be understood, or something could not be observed. */
export class ProbeError extends CaravanError {}
/** A change could not be made. */
export class ApplyError extends CaravanError {}
/** A condition was not met within its deadline. */
export class WaitError extends CaravanError {}
/** After everything was applied, something still differs. */
export class ConvergenceError extends CaravanError {}
/** A host is not as it was when the plan was approved. */
export class ChangedSincePlanError extends CaravanError {}

/** Any thrown value as an error that can be shown. Unknown ones keep their message and are marked as ours to mend. */
export const asCaravanError = (thrown: unknown): CaravanError => {
  if (thrown instanceof CaravanError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const at = thrown instanceof Error ? thrown.stack?.split('\n')[1]?.trim().replace(/^at /, '') : undefined
  return new CaravanError(message, { hint: 'this is a defect of Caravan: please report it', at })
}

/** `node-1 › docker › file /etc/docker/daemon.json: message`, then `  at …`, the detail and `  try: …`, one a line. */
export const formatError = (error: CaravanError): string => {
  const { host, role, resource, at, hint, detail } = error.details
  const where = [host, role, resource].filter((part) => part !== undefined).join(' › ')
  const lines = [where === '' ? error.message : `${where}: ${error.message}`]
  if (at !== undefined) lines.push(`  at ${at}`)
  if (detail !== undefined) lines.push(...detail.split('\n').map((line) => `  | ${line}`))
  if (hint !== undefined) lines.push(`  try: ${hint}`)
  return lines.join('\n')
}
