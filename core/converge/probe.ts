import type { Host } from '../declare/host.ts'
import { identityOf, type Observed, type Resource, type ResourceType, type Unknown } from '../declare/resource.ts'
import type { Vitals } from '../declare/role.ts'
import { ProbeError } from '../errors.ts'
import type { Transport } from '../remote/transport.ts'
import { waitForDeadMen } from './dead-man.ts'
import { factsFragment, type ObservedFacts, parseFacts, vitalsOf } from './facts.ts'
import { type Frame, frameReader, newNonce, prelude } from './frames.ts'

/** What one probe of a host found, by identity. */
export type Haves = ReadonlyMap<string, unknown>

/** What one probe script brought home. */
export type Probe = Readonly<{ observed: ObservedFacts; vitals: Vitals; haves: Haves }>

type Batch = Readonly<{ type: ResourceType<unknown, unknown>; resources: readonly Resource[] }>

const batchesOf = (resources: readonly Resource[]): readonly Batch[] => {
  const byType = Map.groupBy(resources, ({ type }) => type)
  return [...byType].map(([type, batch]) => ({ type: type as ResourceType<unknown, unknown>, resources: batch }))
}

/** An apply that outlived its controller holds the lock: what is observed before it ends would be stale. */
const waitForApply = `
if [ -e /run/caravan/lock ]; then
  exec 9</run/caravan/lock
  flock -s -w 300 9 || { echo 'an apply of another run is still at work' >&2; exit 75; }
  exec 9<&-
fi`

/** One read-only script that tells the facts and observes all resources. */
export const probeScript = (nonce: string, batches: readonly Batch[]): string => {
  const fragments = [factsFragment, ...batches.map(({ type, resources }) => type.probe(resources))]
  const framed = fragments.map(
    (fragment, index) => `frame ${index} begin\n(\n${fragment}\n) </dev/null\nframe ${index} end $?`,
  )
  return [prelude(nonce), waitForApply, waitForDeadMen, ...framed].join('\n')
}

/**
 * Observes these resources of a host in one round trip.
 * @throws ProbeError when a fragment failed or hung, or its output makes no sense; ConnectError.
 */
export const probe = async (host: Host, transport: Transport, resources: readonly Resource[]): Promise<Probe> => {
  const nonce = newNonce()
  const batches = batchesOf(resources)
  let arrived: number | undefined
  const reader = frameReader(nonce, batches.length + 1)
  const script = probeScript(nonce, batches)
  const silence = watchSilence()
  const sent = Date.now() / 1000
  const result = await transport
    .run(script, {
      timeout: 1800,
      signal: silence.signal,
      onOutput: (piece) => {
        arrived ??= Date.now() / 1000
        silence.heard()
        reader.push(piece)
      },
    })
    .catch((error) => {
      throw silence.signal.aborted ? hung(reader.frames(), batches) : error
    })
    .finally(silence.end)
  const frames = reader.frames()
  if (result.code === 75)
    throw new ProbeError(result.stderr.slice(-4000).trim(), {
      host: host.name,
      hint: 'wait for it to end, then run again',
    })
  const observed = parseFacts(completed(frames.get(0), 'facts', result.stderr), host)
  const haves = new Map<string, unknown>()
  for (const [index, { type, resources: batch }] of batches.entries()) {
    const output = completed(frames.get(index + 1), type.name, result.stderr)
    const found = understand(type, output, batch)
    for (const resource of batch) haves.set(identityOf(resource), haveOf(found, resource))
  }
  return { observed, vitals: vitalsOf(observed, sent, arrived ?? sent), haves }
}

/** Seconds without a word after which a probe hangs, once it has begun; before that an apply may be at work, or a switch. */
const SILENCE = { before: 420, after: 120 }

const watchSilence = () => {
  const silence = new AbortController()
  const arm = (seconds: number) => setTimeout(() => silence.abort(), seconds * 1000)
  let timer = arm(SILENCE.before)
  const heard = (): void => {
    clearTimeout(timer)
    timer = arm(SILENCE.after)
  }
  return { signal: silence.signal, heard, end: () => clearTimeout(timer) }
}

const hung = (frames: ReadonlyMap<number, Frame>, batches: readonly Batch[]): ProbeError => {
  const open = [...frames.values()].find(({ code }) => code === undefined)
  if (open === undefined)
    return new ProbeError('the host was silent for too long', {
      hint: 'is an apply of another run still at work there?',
    })
  const what = batches[open.index - 1]?.type.name ?? 'facts'
  return new ProbeError(`the probe of ${what} hangs`, { hint: 'a disk or a network file system that does not answer?' })
}

const completed = (frame: Frame | undefined, what: string, stderr: string): string => {
  const detail = stderr.slice(-4000).trim().split('\n').slice(-5).join('\n') || undefined
  if (frame === undefined)
    throw new ProbeError(`the host's answer is garbage: nothing about ${what} came back`, {
      detail,
      hint: 'does a start-up file of the shell there, such as ~/.bashrc, read stdin?',
    })
  if (frame.code === undefined) throw new ProbeError(`the probe of ${what} did not end`, { detail })
  if (frame.code !== 0) throw new ProbeError(`the probe of ${what} failed (exit ${frame.code})`, { detail })
  return frame.output
}

const understand = (
  type: ResourceType<unknown, unknown>,
  output: string,
  batch: readonly Resource[],
): Observed<unknown> => {
  try {
    return type.parse(output, batch)
  } catch (error) {
    if (error instanceof ProbeError) throw error
    throw new ProbeError(
      `the probe of ${type.name} was not understood: ${error instanceof Error ? error.message : error}`,
    )
  }
}

const haveOf = (found: Observed<unknown>, { type, id }: Resource): unknown => {
  if (!found.has(id)) throw new ProbeError(`the probe of ${type.name} said nothing about ${id}`)
  return found.get(id) as unknown | Unknown
}
