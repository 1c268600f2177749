import type { Emit } from '../terminal/events.ts'
import { type Secret, secretsIn } from './secret.ts'

/** Characters below which a value is not looked for: it would be found in what is no secret. */
const SHORTEST = 4
/** The same of one line of several, where other texts may have such a line as well. */
const SHORTEST_LINE = 12

/**
 * Takes these secrets, and what they are made from, out of a text: as they are, line by line, and as JSON, URLs, a
 * shell's words and base64 write them. Values of less than 4 characters stay, and so does a part of a value. This is a
 * second net: what is known to be secret is never put into a text in the first place.
 */
export const redactor = (secrets: Iterable<Secret>): ((text: string) => string) => {
  const names = new Map<string, string>()
  for (const secret of withParts(secrets)) {
    for (const form of formsOf(secret)) if (form.length >= SHORTEST) names.set(form, secret.toJSON())
  }
  if (names.size === 0) return (text) => text
  // the longest first, so that of a value no end is left over that another one is the begin of
  const forms = [...names.keys()].sort((one, other) => other.length - one.length)
  const any = new RegExp(forms.map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g')
  return (text) => text.replaceAll(any, (form) => names.get(form) ?? '')
}

const withParts = (secrets: Iterable<Secret>): readonly Secret[] =>
  [...secrets].flatMap((secret) => [secret, ...withParts(secret.parts)])

const formsOf = (secret: Secret): readonly string[] => {
  const bytes = secret.revealBytes()
  const text = new TextDecoder().decode(bytes)
  // in what was made from secrets, such as a whole file, these alone are
  const lines = secret.parts.length > 0 ? [] : text.split(/\r?\n/).filter((line) => line.length >= SHORTEST_LINE)
  return [text.trim(), ...lines].flatMap((part) => [part, ...written(part)]).concat(inBase64(bytes))
}

const written = (text: string): readonly string[] => {
  const json = JSON.stringify(text).slice(1, -1)
  const url = encodeURIComponent(text.toWellFormed())
  const more = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase()}`
  return [
    json,
    // as Go writes JSON
    json.replaceAll(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`),
    url,
    url.replaceAll(/[!'()*]/g, more),
    url.replaceAll(/[!'()*]/g, more).replaceAll('%20', '+'),
    text.replaceAll("'", "'\\''"),
  ]
}

// Inside of something longer a value may begin at any of three places of base64; what its neighbours share is left out.
const inBase64 = (bytes: Uint8Array): readonly string[] => {
  const shifted = [0, 1, 2].map((shift) => {
    const all = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    return all.slice(Math.ceil((shift * 4) / 3), (bytes.length + shift) % 3 === 0 ? undefined : -4)
  })
  const whole = Buffer.from(bytes).toString('base64')
  const all = [whole, whole.replace(/=+$/, ''), ...shifted]
  return [...all, ...all.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))]
}

// What the display and the readers of records find their way by; no value of a role gets in here.
const NAMES = new Set(['event', 'host', 'play', 'role', 'run', 'playbook', 'kind', 'phase'])
const isName = (key: string, value: unknown): boolean =>
  NAMES.has(key) || (/^(hosts|roles)$/.test(key) && Array.isArray(value))

/**
 * As `emit`, with the secrets taken out that whatever `held` gives holds, however deep. It is asked again with each
 * event, and looked through once for each thing that it gives.
 */
export const redacting = (emit: Emit, held: () => readonly unknown[]): Emit => {
  const seen = new Set<unknown>()
  const secrets = new Map<string, Secret>()
  let redact = redactor([])
  return (event) => {
    const fresh = held().filter((one) => !seen.has(one))
    for (const one of fresh) seen.add(one)
    const found = secretsIn(fresh).filter(({ mark }) => !secrets.has(mark))
    for (const secret of found) secrets.set(secret.mark, secret)
    if (found.length > 0) redact = redactor(secrets.values())
    emit(secrets.size === 0 ? event : (inTexts(event, redact) as typeof event))
  }
}

const inTexts = (value: unknown, redact: (text: string) => string): unknown => {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) return value.map((item) => inTexts(item, redact))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, isName(key, inner) ? inner : inTexts(inner, redact)]),
  )
}
