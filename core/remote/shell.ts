/**
 * One word for POSIX `sh`, whatever it holds. zx's own `quote` writes bash's `$'…'`, which dash prints literally.
 * @throws RangeError for a NUL byte, which no argument can carry.
 */
export const quote = (word: string): string => {
  if (word.includes('\0')) throw new RangeError('a shell word cannot hold a NUL byte')
  return /^[A-Za-z0-9_/.:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** Several words, quoted and joined by spaces. */
export const words = (all: readonly string[]): string => all.map(quote).join(' ')

/** A command that prints exactly these bytes. Content above 1 MiB is uploaded instead (`ApplyInput.upload`). */
export const printBytes = (content: Uint8Array): string => {
  const lines = Buffer.from(content)
    .toString('base64')
    .replaceAll(/.{1,76}/g, '$&\n')
  return `base64 -d <<'CARAVAN_BASE64'\n${lines}CARAVAN_BASE64\n`
}

/**
 * A command that runs a script in a shell of its own. It reads it from a heredoc, since everybody on the host could
 * see an argument; the script itself reads nothing.
 */
export const unseenShell = (script: string): string =>
  `sh -s <<'CARAVAN_SCRIPT'\n{ (\n${script}\n) </dev/null; exit; }\nCARAVAN_SCRIPT\n`
