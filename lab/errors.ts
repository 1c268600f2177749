/** A failure that a person can do something about: shown as one line, without a stack trace. */
export class LabError extends Error {
  override name = 'LabError'
}
