// Source: fstab(5) and proc_pid_mountinfo(5): these are written as a backslash and three octal digits
const ESCAPED: Readonly<Record<string, string>> = { ' ': '\\040', '\t': '\\011', '\n': '\\012', '\\': '\\134' }

/** A field as the kernel writes it into mountinfo, and as fstab needs it. */
export const escapeField = (text: string): string => text.replace(/[ \t\n\\]/g, (byte) => ESCAPED[byte] ?? byte)

/** A line of fstab. One that begins with # would be a comment. */
export const fstabLine = (fields: readonly string[]): string => fields.map(escapeField).join(' ').replace(/^#/, '\\043')

/** The text of an escaped field. */
export const unescapeField = (field: string): string => {
  const bytes = Buffer.from(field).toString('latin1')
  const plain = bytes.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8) & 0xff))
  return Buffer.from(plain, 'latin1').toString()
}

/** One mount, as mountinfo has it. */
export type Mounted = Readonly<{
  /** `MAJOR:MINOR`. */
  device: string
  target: string
  source: string
  fsType: string
  /** Of the mount and of the file system, such as `rw`, `nodev` and `errors=remount-ro`. */
  options: readonly string[]
}>

/** Understands one line of mountinfo; undefined for what is none. Source: proc_pid_mountinfo(5) */
export const parseMountinfo = (line: string): Mounted | undefined => {
  const [before = '', after, ...more] = line.split(' - ')
  const [, , device, , target, own] = before.split(' ')
  const [fsType, source, whole] = after?.split(' ') ?? []
  if (!device || !target || !own || !fsType || source === undefined || whole === undefined || more.length > 0)
    return undefined
  const options = [...own.split(','), ...whole.split(',')]
  return { device, target: unescapeField(target), source: unescapeField(source), fsType, options }
}
