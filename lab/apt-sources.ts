/** The Debian 12 package sources of this computer: the only places the lab ever reaches outside. */
import { LabError } from './errors.ts'
import { run } from './shell.ts'

export const RELEASE = 'bookworm'

export type AptSource = { readonly url: string; readonly suite: string; readonly components: readonly string[] }

const WANTED = [RELEASE, `${RELEASE}-updates`, `${RELEASE}-security`]

/**
 * Asks apt itself, which knows all the forms that its sources can be written in.
 * @throws LabError when this computer has no source for Debian 12.
 */
export async function aptSources(): Promise<readonly AptSource[]> {
  const format = '--format=$(REPO_URI) $(RELEASE) $(COMPONENT)'
  const listed = await run(['apt-get', 'indextargets', format, 'Identifier: Packages'])
  const sources = parseSources(listed)
  if (!sources.some((source) => source.suite === RELEASE)) {
    throw new LabError(`lab: this computer's apt has no source for Debian 12 (${RELEASE})`, {
      hint: 'add one under /etc/apt/sources.list.d',
    })
  }
  return sources
}

/** One source per address and suite, its components in order, Debian 12's own suites only. */
export function parseSources(listed: string): readonly AptSource[] {
  const found = new Map<string, AptSource>()
  for (const line of listed.split('\n')) {
    const [url = '', suite = '', component = ''] = line.split(' ')
    if (!WANTED.includes(suite) || !/^https?:/.test(url)) continue
    const key = `${url} ${suite}`
    const components = new Set([...(found.get(key)?.components ?? []), component])
    found.set(key, { url, suite, components: [...components] })
  }
  return [...found.values()]
}

/** The sources as lines of a sources.list. Always http: the proxy speaks https to the outside where it is asked to. */
export function sourceLines(sources: readonly AptSource[]): string {
  return sources
    .map(({ url, suite, components }) => `deb ${url.replace(/^https:/, 'http:')} ${suite} ${components.join(' ')}\n`)
    .join('')
}
