import { printBytes, quote, words } from '../../remote/shell.ts'
import { nameOf, parentOf, temporaryOf } from './declared.ts'
import { sha256Of } from './observe.ts'
import { type Ownership, setOwnership } from './ownership.ts'

/** How the new content of a file is checked before it takes its place. */
export type Validation = Readonly<{
  /**
   * A command line for `sh` that must succeed, with the candidate's path as `"$1"`, such as `'visudo -cf "$1"'`. It
   * runs for 60 s at most, in a private directory that holds the candidate under its final name, and the siblings.
   */
  validate?: string
  /** Paths on the host of files that the validator needs beside the candidate. One that does not exist is left out. */
  siblings?: readonly string[]
}>

/** What is put at a path. */
export type Replacement = Ownership & Validation & Readonly<{ path: string; content: Uint8Array }>

type Upload = (content: Uint8Array) => Promise<string>

// Above this a script gets slow: 100 MB in a heredoc costs dash 2.3 s.
const UPLOAD_ABOVE = 1024 * 1024

/** Ends the fragment. The engine shows the last line that it printed as the reason, so this is a sentence of its own. */
export const fail = (message: string): string => `{ printf '%s\\n' ${quote(message)} >&2; exit 1; }`

/**
 * The whole of a file, at once: beside its place first, with its owner and mode, then validated, then renamed.
 * Until then nothing is touched, and what failed leaves nothing behind.
 */
export const replaceFile = async (want: Replacement, upload: Upload): Promise<string> =>
  [
    beginReplace(want.path),
    want.content.length > UPLOAD_ABOVE ? fromUpload(want.content, await upload(want.content)) : inScript(want.content),
    setOwnership(want, '"$tmp"'),
    want.validate === undefined ? '' : validateCandidate(want.path, want.validate, want.siblings ?? []),
    endReplace,
  ].join('\n')

/** Checks that a file can be put there, and sets `path` and `tmp`; the latter is gone at the end, whatever happens. */
export const beginReplace = (path: string): string => `
path=${quote(path)} tmp=${quote(temporaryOf(path))} check=
[ -d ${quote(parentOf(path))} ] || ${fail(`the directory ${parentOf(path)} does not exist`)}
if [ -L "$path" ] || [ -p "$path" ] || [ -f "$path" ] || [ ! -e "$path" ]; then :
else ${fail('what is in its place is no file, and is not replaced: move it away by hand')}
fi
[ ! -d "$tmp" ] || [ -L "$tmp" ] || ${fail(`${temporaryOf(path)} is a directory: move it away by hand`)}
rm -f -- "$tmp"
trap 'rm -f -- "$tmp"; [ -z "$check" ] || rm -rf -- "$check"' EXIT
umask 077`

/** Takes the place of what was there; a symbolic link is replaced and not followed. */
export const endReplace = 'mv -f -T -- "$tmp" "$path"'

// noclobber: whoever else may write to the directory cannot make us write through a link
const inScript = (content: Uint8Array): string => `set -C\n{\n${printBytes(content)}} >"$tmp"\nset +C`

const fromUpload = (content: Uint8Array, source: string): string => `
sum=$(sha256sum <${quote(source)})
[ "\${sum%% *}" = ${sha256Of(content)} ] || ${fail('the upload did not arrive whole: run again')}
cp -- ${quote(source)} "$tmp"`

// CARAVAN_RUN_DIRECTORY is for tests that are not root
const validateCandidate = (path: string, validate: string, siblings: readonly string[]): string => `
check=\${CARAVAN_RUN_DIRECTORY:-/run/caravan}/validate
rm -rf -- "$check"
mkdir -p -- "$check"
cp -p -- "$tmp" "$check"/${quote(nameOf(path))}
${siblings.length === 0 ? '' : `for sibling in ${words(siblings)}; do [ ! -f "$sibling" ] || cp -p -- "$sibling" "$check"; done`}
status=0
( cd -- "$check" && timeout 60 sh -c ${quote(validate)} validate "$check"/${quote(nameOf(path))} ) || status=$?
[ $status = 0 ] || { printf 'the validator rejects the new content (exit %s): %s\\n' $status ${quote(validate)} >&2; exit 1; }`

/** Only owner, group and mode, of what is a regular file already. */
export const mendOwnership = (want: Ownership, path: string): string => `
if [ -L ${quote(path)} ] || [ ! -f ${quote(path)} ]; then ${fail('this is no regular file any more: run again')}; fi
${setOwnership(want, quote(path))}`
