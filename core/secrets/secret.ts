import { createHmac, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { callSite } from '../declare/resource.ts'
import { DeclarationError } from '../errors.ts'

// New in each process: what it marks can be compared within a run, and tells nothing about a value to anybody else.
const key = randomBytes(32)

const markOf = (content: string | Uint8Array): string => createHmac('sha256', key).update(content).digest('hex')

/** What is shown of a secret content: whether two are equal, within one run. Its size would tell too much already. */
export const hidden = (content: string | Uint8Array): string => `secret, mark ${markOf(content).slice(0, 8)}`

/**
 * A value that cannot be printed by accident: text that needs it throws, and inspection and JSON show its name. Only
 * `reveal` and `revealBytes` give the value, and both are easy to search for.
 */
export class Secret {
  // private and not a property: what lists, copies or compares properties never sees it
  readonly #value: Uint8Array
  readonly #name: string
  readonly #parts: readonly Secret[]
  /** Equal for equal values, and different in each run, so that structural comparison works without the value. */
  readonly mark: string

  private constructor(name: string, value: Uint8Array, parts: readonly Secret[]) {
    this.#value = value
    this.#name = name
    this.#parts = parts
    this.mark = markOf(value)
    Object.freeze(this)
  }

  /**
   * `name` is what people see in its place. `parts`: the secrets that it was made from, such as those in a file; then
   * the rest of it is none.
   * @throws DeclarationError for a value that is empty or not valid Unicode.
   */
  static of(name: string, value: string | Uint8Array, parts: readonly Secret[] = []): Secret {
    const fault = value.length === 0 ? 'is empty' : isTorn(value) ? 'is not valid Unicode' : undefined
    if (fault !== undefined) throw new DeclarationError(`the secret ${name} ${fault}`, { at: callSite() })
    return new Secret(name, typeof value === 'string' ? Buffer.from(value) : Uint8Array.from(value), [...parts])
  }

  get name(): string {
    return this.#name
  }

  get parts(): readonly Secret[] {
    return this.#parts
  }

  /** The value as text. @throws DeclarationError when it is not UTF-8. */
  reveal(): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.#value)
    } catch {
      throw new DeclarationError(`the secret ${this.#name} is not text`, { at: callSite() })
    }
  }

  /** The value as bytes. */
  revealBytes(): Uint8Array {
    return Uint8Array.from(this.#value)
  }

  toString(): never {
    throw new DeclarationError(`the secret ${this.#name} was about to be written as text`, {
      at: callSite(),
      hint: 'hand it over as it is: template(), file() and others take a Secret',
    })
  }

  [Symbol.toPrimitive](): never {
    return this.toString()
  }

  toJSON(): string {
    return `[secret ${this.#name}]`
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}

const isTorn = (value: string | Uint8Array): boolean => typeof value === 'string' && !value.isWellFormed()

export const isSecret = (value: unknown): value is Secret => value instanceof Secret

/** All secrets in a value, however deep in objects and lists. */
export const secretsIn = (value: unknown, seen = new Set<unknown>()): readonly Secret[] => {
  if (isSecret(value)) return [value]
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return []
  seen.add(value)
  const inner = value instanceof Map || value instanceof Set ? [...value].flat() : Object.values(value)
  return inner.flatMap((one) => secretsIn(one, seen))
}

/** The same value with all secrets in it revealed, for what is about to be written. */
export const revealed = (value: unknown): unknown => {
  if (isSecret(value)) return value.reveal()
  if (Array.isArray(value)) return value.map(revealed)
  if (!isPlainObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, revealed(inner)]))
}

export const isPlainObject = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
