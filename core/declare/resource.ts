import { fileURLToPath } from 'node:url'
import { DeclarationError } from '../errors.ts'
import type { DeadMan } from './dead-man.ts'

/** One property that differs. `from` and `to` are for people; `diff` holds whole texts to show as a unified diff. */
export type Change = Readonly<{
  property: string
  from: string
  to: string
  diff?: Readonly<{ from: string; to: string }>
}>

/** One thing on a host, the state that it should have, and the source line that declared it. */
// biome-ignore lint/suspicious/noExplicitAny: a list of resources holds types with different wants
export type Resource<Want = any> = Readonly<{
  // biome-ignore lint/suspicious/noExplicitAny: and with different haves
  type: ResourceType<Want, any>
  id: string
  want: Want
  /** `file:line`, relative to the project. */
  at: string
  /** One thing of the whole cluster: of all hosts that declare it, one owns it. See `onOne`. */
  one?: true
  /** The switch that undoes the change when it cuts us off. See `underDeadMan`. */
  deadMan?: DeadMan
}>

/** The observer itself is missing or does not answer (no `docker`, an API that is down). Absence is *not* unknown. */
export class Unknown {
  /** Why, as it goes on after `cannot be observed: `; it may be the host's own words. */
  readonly why: string
  // so that nothing else looks like one
  readonly #unknown = true

  constructor(why: string) {
    this.why = why
  }

  static is(have: unknown): have is Unknown {
    return typeof have === 'object' && have !== null && #unknown in have
  }
}

/** What was observed: a have per resource id. An id that is missing from the map is a defect of the type. */
export type Observed<Have> = ReadonlyMap<string, Have | Unknown>

/** What the plan of one host knows when it asks a type for a resource's changes. */
export type PlanView = Readonly<{
  /** Whether this resource has changes (other than `quiet` ones) in the same play or an earlier one, on this host. */
  changes: (resource: Resource) => boolean
}>

/** What an apply fragment is made from. */
export type ApplyInput<Want, Have> = Readonly<{
  id: string
  want: Want
  have: Have | Unknown
  /** What the plan decided; apply obeys it and does not decide again. Empty for a wait that is evaluated once more. */
  changes: readonly Change[]
  /** Puts content on the host before the script runs; gives the path there. For what is too large for a script. */
  upload: (content: Uint8Array) => Promise<string>
}>

/** How things behind a vendor's API are observed and changed, on the controller. `fetch` counts the requests. */
export type ApiAccess<Want, Have> = Readonly<{
  /** Reads only. What does not answer is an `Unknown` that says why, or an error. */
  observe: (all: readonly Resource<Want>[], fetch: typeof globalThis.fetch) => Promise<Observed<Have>>
  /** Convergent, as `apply` is. @throws ApplyError */
  change: (input: Omit<ApplyInput<Want, Have>, 'upload'>, fetch: typeof globalThis.fetch) => Promise<void>
}>

/**
 * How things of one kind are observed, compared and changed.
 *
 * A fragment is text for POSIX `sh` (dash): it runs in a subshell of its own with stdin from /dev/null. Every value in
 * it is quoted by `quote` of core/remote/shell.ts. Ids may hold spaces, quotes, newlines and `$()`.
 */
export type ResourceType<Want, Have> = Readonly<{
  /** The word that people see, such as `file`. */
  name: string
  /** What two resources must not share on one host. Default: `name:id`. For anything at a path: `path:<path>`. */
  identity?: (id: string) => string
  /** The identity of the whole that this is one part of: parts share it, but whoever owns the whole is a conflict. */
  partOf?: (id: string) => string
  /**
   * One read-only fragment that observes all of them in as few processes as can be. It never writes, not even a
   * temporary file, and it cannot hang: slow programs run under `timeout`. Exit status 0, else the probe has failed.
   */
  probe: (all: readonly Resource<Want>[]) => string
  /** Understands the fragment's stdout. @throws ProbeError when it is not what the fragment prints. */
  parse: (output: string, all: readonly Resource<Want>[]) => Observed<Have>
  /** What differs, in the order in which it is changed. Empty: nothing to do. */
  diff: (want: Want, have: Have, view: PlanView) => readonly Change[]
  /** What others did to it that stays as it is: `from` as declared, `to` as it is. It is shown, and is no change. */
  foreign?: (want: Want, have: Have) => readonly Change[]
  /**
   * A convergent fragment under `set -e`: safe when the thing is already right. Its output is shown when it fails.
   * May be async on the controller, before the script is built.
   */
  apply: (input: ApplyInput<Want, Have>) => string | Promise<string>
  /** One fragment for several that follow each other, where that is faster than one each; else `apply` is used. */
  applyAll?: (inputs: readonly ApplyInput<Want, Have>[]) => string | Promise<string>
  /** One want that holds for both, or undefined when they contradict each other. Default: only equal wants merge. */
  merge?: (one: Want, other: Want) => Want | undefined
  /** The paths on the host whose content a service restarts or reloads on. Default: it cannot be restarted on. */
  inputs?: (id: string, want: Want) => readonly string[]
  /** Properties that no service needs a restart for, whatever it lists in `restartOn`. Default: none. */
  quiet?: readonly string[]
  /** Whether these changes end no program, so that they need no server taken out of its cluster. Default: they may. */
  endsNothing?: (changes: readonly Change[]) => boolean
  /** True: applying it is waiting for it. It is listed as "waits for" and never counts as a change. */
  waits?: true
  /** Where the thing is behind a vendor's API; then it is declared in a play on `controller`, and has no fragments. */
  api?: ApiAccess<Want, Have>
  /** True: `want` holds a secret; neither contents nor values are ever shown. */
  sensitive?: (want: Want) => boolean
}>

/** A type of things behind a vendor's API. @throws DeclarationError when one is declared for a host. */
export const apiType = <Want, Have>(
  type: Pick<ResourceType<Want, Have>, 'name' | 'diff' | 'merge' | 'sensitive'> & { api: ApiAccess<Want, Have> },
): ResourceType<Want, Have> => {
  const misplaced = (): never => {
    throw new DeclarationError(`${type.name} is behind an API: declare it in a play on controller`)
  }
  return { ...type, probe: misplaced, parse: misplaced, apply: misplaced }
}

/** Declares one resource of a type. Use it in the factory function that a resource file exports. */
export const declare = <Want, Have>(type: ResourceType<Want, Have>, id: string, want: Want): Resource<Want> =>
  Object.freeze({ type, id, want: Object.freeze(want), at: callSite() })

/**
 * Things of the whole cluster (an ACL policy, a Nomad job): every host of the play could own them, and the first in
 * inventory order that can observe them does.
 */
export const onOne = (...resources: readonly Resource[]): readonly Resource[] =>
  resources.map((resource) => Object.freeze({ ...resource, one: true as const }))

/** What two resources must not share on one host. */
export const identityOf = ({ type, id }: Resource): string => type.identity?.(id) ?? `${type.name}:${id}`

/** `type id`, as people read it. Whatever prints it to a terminal must make it safe first. */
export const describe = ({ type, id }: Resource): string => `${type.name} ${id}`

/** The identity of anything that lives at a path: one owner per path, whatever the type. */
export const pathIdentity = (path: string): string => `path:${path}`

const root = fileURLToPath(new URL('../../', import.meta.url))

/** `file:line` of the first caller outside of core: whoever declares a resource. */
export const callSite = (): string => {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 20
  const stack = new Error().stack ?? ''
  Error.stackTraceLimit = limit
  return placeIn(stack) ?? 'unknown'
}

/** `file:line` of the first line of a stack trace that is outside of core. */
export const placeIn = (stack: string): string | undefined => {
  for (const line of stack.split('\n').slice(1)) {
    const place = /(?:file:\/\/|\(|at )(\/[^()]+):(\d+):\d+\)?$/.exec(line)
    const path = place?.[1]?.startsWith(root) ? place[1].slice(root.length) : place?.[1]
    if (path !== undefined && !path.startsWith('core/')) return `${path}:${place?.[2]}`
  }
  return undefined
}
