/** A section of haproxy.cfg. All text before the first one is a section with an empty head. */
export type Section = Readonly<{ head: string; lines: readonly string[] }>

/** A configuration in normal form, by the names of its sections, such as `backend web`. */
export type Config = ReadonlyMap<string, Section>

// In the order in which the Data Plane API writes them; a `defaults` must come before what takes it.
// Source: config-parser/writer.go of github.com/haproxytech/client-native; HAProxy configuration manual, 2.1
const SECTIONS = [
  '',
  'global',
  'defaults',
  'userlist',
  'peers',
  'mailers',
  'resolvers',
  'cache',
  'ring',
  'traces',
  'log-forward',
  'log-profile',
  'http-errors',
  'healthcheck',
  'acme',
  'crt-store',
  'fcgi-app',
  'program',
  'frontend',
  'backend',
  'listen',
]

/** Sections that take their settings from a `defaults`. */
const PROXIES = ['frontend', 'backend', 'listen']

// What the Data Plane API keeps for itself at the top of the file. Source: configure_data_plane.go of dataplaneapi
const METADATA =
  /^# (_(version|md5hash|cluster_version)=.*|Dataplaneapi managed File|changing file directly can cause a conflict if dataplaneapi is running)$/

/**
 * Normal form: what the Data Plane API changes when it writes a file again, and means nothing, is gone. White space, its
 * own comments, the order of sections, names of unnamed `defaults`, and which of them a section takes by its place.
 */
export const parseConfig = (text: string): Config => {
  const sections = new Map<string, { head: string; lines: string[] }>([['', { head: '', lines: [] }]])
  let current = ''
  let defaults: string | undefined
  let unnamed = 0
  for (const line of text.split('\n').map(normalLine)) {
    if (line === '' || METADATA.test(line)) continue
    const [kind = '', name] = line.split(' ')
    if (!SECTIONS.includes(kind)) {
      sections.get(current)?.lines.push(line)
      continue
    }
    const takes = / from \S/.test(line)
    let head = PROXIES.includes(kind) && !takes && defaults !== undefined ? `${line} from ${defaults}` : line
    if (kind === 'defaults') {
      const anonymous = name === undefined || name === 'from'
      defaults = anonymous ? `unnamed_defaults_${++unnamed}` : name
      if (anonymous) head = line.replace('defaults', `defaults ${defaults}`)
    }
    current = head.split(' ').slice(0, 2).join(' ')
    const known = sections.get(current)
    if (known === undefined) sections.set(current, { head, lines: [] })
    // what the second head says besides is not lost, but for HAProxy to judge
    else if (known.head !== head) known.lines.push(head)
  }
  return sections
}

/** The number of the version that the Data Plane API counts in the file; undefined: it has not written it yet. */
export const versionIn = (text: string): number | undefined => {
  const digits = /^# _version=(\d{1,15})\s*$/m.exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** The text of a configuration, as the Data Plane API would write it. */
export const renderConfig = (config: Config): string => {
  const rank = (name: string): number => SECTIONS.indexOf(name.split(' ')[0] ?? '')
  const inOrder = [...config].sort(([one], [other]) => rank(one) - rank(other) || byName(one, other))
  return inOrder.map(([, section]) => textOf(section)).join('')
}

/** One section as text. */
export const textOf = ({ head, lines }: Section): string =>
  head === '' ? lines.map((line) => `${line}\n`).join('') : `\n${head}\n${lines.map((line) => `  ${line}\n`).join('')}`

// one `defaults` may build on another that stands before it
const byName = (one: string, other: string): number => {
  if (one.startsWith('defaults ') || one === other) return 0
  return one < other ? -1 : 1
}

// A word is what no white space outside of quotes divides. Source: HAProxy configuration manual, 2.2
const WORD = /(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g

const normalLine = (raw: string): string => {
  const line = raw.trim()
  if (line.startsWith('#')) return `# ${line.replace(/^#\s*/, '')}`.trim()
  // what is no whole word, such as half a quote, is for HAProxy to judge
  return line.replaceAll(WORD, '').trim() === '' ? (line.match(WORD) ?? []).join(' ') : line
}

/** What a line is about: lines of one keyword keep their order, those of different keywords need not. */
export const keywordOf = (line: string): string => {
  const [first = '', second = '', third = ''] = line.split(' ')
  if (first === 'no') return `${second} ${third}`
  return ['option', 'timeout', 'hold', 'stats'].includes(first) ? `${first} ${second}` : first
}
