import { createHash } from 'node:crypto'
import { describe, type ResourceType, Unknown } from '../declare/resource.ts'
import { ApplyError, asCaravanError, type CaravanError, WaitError } from '../errors.ts'
import type { Transport } from '../remote/transport.ts'
import { applyScript, type Fragment, isChange, UPLOADS } from './apply-script.ts'
import type { Entry } from './compile.ts'
import { arm, confirmed } from './dead-man.ts'
import { frameReader, newNonce } from './frames.ts'
import type { Planned } from './plan.ts'

/** What an apply script does, in order: a planned change, or a wait. */
export type Work = Planned

/** Called as an apply goes on: a resource begins, or has ended. */
export type Progress = (work: Work, state: 'begin' | 'done' | 'failed', seconds: number) => void

/**
 * What one play does on one host: its planned changes, and every wait of the play that comes after one of them, since
 * a change may have taken down what was up.
 */
export const workOf = (play: number, entries: readonly Entry[], planned: readonly Planned[]): readonly Work[] => {
  const byIdentity = new Map(planned.filter((work) => work.play === play).map((work) => [work.identity, work]))
  const works: Work[] = []
  for (const entry of entries.filter((candidate) => candidate.play === play)) {
    const work = byIdentity.get(entry.identity)
    if (work !== undefined) works.push(work)
    else if (entry.resource.type.waits && works.length > 0)
      works.push({ ...entry, kind: 'wait', changes: [], have: new Unknown('something before it changes') })
  }
  return works
}

/**
 * Applies these works on one host, in one round trip; what stands under a dead-man switch is a round trip of its own,
 * and one more that confirms it. Stops at the first that fails.
 * @throws ApplyError or WaitError, which names the resource and holds the last lines that it printed; ConnectError.
 */
export const apply = async (
  run: string,
  works: readonly Work[],
  transport: Transport,
  progress: Progress = () => {},
): Promise<void> => {
  for (const segment of segmentsOf(works)) {
    const deadMan = segment.find(isChange)?.resource.deadMan
    if (deadMan === undefined) await applySegment(run, segment, transport, progress)
    else
      await confirmed(deadMan, transport, (signal) =>
        applySegment(run, segment, transport, progress, { armed: arm(deadMan), signal }),
      )
  }
}

/** Neighbours under the same switch, or under none. */
const segmentsOf = (works: readonly Work[]): readonly (readonly Work[])[] => {
  const segments: Work[][] = []
  for (const work of works) {
    const last = segments.at(-1)
    if (last !== undefined && last[0]?.resource.deadMan === work.resource.deadMan) last.push(work)
    else segments.push([work])
  }
  return segments
}

const applySegment = async (
  run: string,
  works: readonly Work[],
  transport: Transport,
  progress: Progress,
  guard?: Readonly<{ armed: string; signal: AbortSignal }>,
): Promise<void> => {
  const nonce = newNonce()
  const plain = await fragmentsOf(works, transport)
  const fragments =
    guard === undefined ? plain : plain.map((one, index) => (index > 0 ? one : armedFirst(one, guard.armed)))
  const reader = frameReader(nonce, fragments.length, reporter(fragments, progress))
  const result = await transport
    .run(applyScript(nonce, run, fragments), {
      timeout: 3600,
      onOutput: (piece) => reader.push(piece),
      ...(guard === undefined ? {} : { signal: guard.signal }),
    })
    .catch((error) => {
      const open = fragments.find(
        (_, index) => reader.frames().has(index) && reader.frames().get(index)?.code === undefined,
      )
      throw open === undefined ? error : asCaravanError(error).with(detailsOf(open))
    })
  if (result.code === 76)
    throw new ApplyError('the lease of this run is gone: the host was rebooted, or another run took over', {
      hint: 'run again',
    })
  if (result.code === 75)
    throw new ApplyError('an apply of another run is still at work', { hint: 'wait for it to end, then run again' })
  const frames = reader.frames()
  for (const [index, fragment] of fragments.entries()) {
    const frame = frames.get(index)
    if (frame?.code !== 0) throw failure(fragment, frame?.code, frame?.output ?? result.stderr)
  }
}

const armedFirst = ({ text, works }: Fragment, armed: string): Fragment => ({ works, text: `(\n${armed}\n)\n${text}` })

/** Tells the progress of each work as its fragment begins and ends. */
const reporter = (fragments: readonly Fragment[], progress: Progress) => {
  const started = new Map<number, number>()
  return (index: number, code: number | undefined): void => {
    const fragment = fragments[index]
    if (code === undefined) started.set(index, Date.now())
    const seconds = (Date.now() - (started.get(index) ?? Date.now())) / 1000
    const state = code === undefined ? 'begin' : code === 0 ? 'done' : 'failed'
    for (const work of fragment?.works ?? []) progress(work, state, seconds / (fragment?.works.length ?? 1))
  }
}

/** Consecutive works of a type that can apply many at once become one fragment. */
const fragmentsOf = async (works: readonly Work[], transport: Transport): Promise<readonly Fragment[]> => {
  const upload = (content: Uint8Array) => uploadContent(transport, content)
  const fragments: Fragment[] = []
  for (const group of groupsOf(works)) {
    const type = group[0]?.resource.type as ResourceType<unknown, unknown>
    const inputs = group.map(({ resource: { id, want }, have, changes }) => ({ id, want, have, changes, upload }))
    try {
      const [first] = inputs
      const many = type.applyAll !== undefined && inputs.length > 1
      if (first === undefined) continue
      fragments.push({ works: group, text: (await (many ? type.applyAll?.(inputs) : type.apply(first))) ?? '' })
    } catch (error) {
      throw asCaravanError(error).with(detailsOf({ works: group, text: '' }))
    }
  }
  return fragments
}

const groupsOf = (works: readonly Work[]): readonly (readonly Work[])[] => {
  const groups: Work[][] = []
  for (const work of works) {
    const last = groups.at(-1)
    const type = work.resource.type
    if (last !== undefined && type.applyAll !== undefined && last[0]?.resource.type === type) last.push(work)
    else groups.push([work])
  }
  return groups
}

// An upload that was cut off ends as if it were whole, maybe while that of the next run is under way.
const uploadContent = async (transport: Transport, content: Uint8Array): Promise<string> => {
  const path = `${UPLOADS}/${createHash('sha256').update(content).digest('hex')}`
  const whole = `[ "$(wc -c <${path}.$$)" -eq ${content.length} ]`
  const command = `umask 077; mkdir -p ${UPLOADS} && cat >${path}.$$ && ${whole} && mv -f ${path}.$$ ${path}`
  const { code, stderr } = await transport.send(command, content, { timeout: 3600 })
  if (code !== 0) throw new ApplyError(`the upload failed: ${stderr.trim()} (exit ${code})`)
  return path
}

const detailsOf = ({ works }: Fragment) => {
  const [first] = works
  const resource = works.map(({ resource }) => describe(resource)).join(', ')
  return { role: first?.role, resource, at: first?.resource.at }
}

// What the kernel says in any program's words. Source: errno(3)
const remedies: readonly (readonly [RegExp, string])[] = [
  [/No space left on device/, 'df -h and df -i on the host show which file system is full'],
  [/Disk quota exceeded/, 'quota on the host shows whose limit it is'],
  [/Read-only file system/, 'findmnt -o TARGET,OPTIONS on the host shows what is mounted read-only, dmesg why'],
  [/Operation not permitted/, 'lsattr on the host shows a file that is made immutable; chattr -i undoes it'],
]

const failure = (fragment: Fragment, code: number | undefined, output: string): CaravanError => {
  // the script sends no more; a host that does has no say in how long our lines get
  const lines = output
    .slice(-4000)
    .trim()
    .split('\n')
    .filter((line) => line !== '')
  const last = lines.at(-1)
  const detail = lines.length > 1 ? lines.slice(-25).join('\n') : undefined
  const hint = remedies.find(([pattern]) => pattern.test(last ?? ''))?.[1]
  const details = { ...detailsOf(fragment), detail, hint }
  if (fragment.works[0]?.resource.type.waits) return new WaitError(last ?? 'did not become true in time', details)
  const ended = code === undefined ? 'did not end' : `exit ${code}`
  return new ApplyError(`apply failed: ${last ?? 'it printed nothing'} (${ended})`, details)
}
