import { quote, words } from '../../remote/shell.ts'
import type { Ownership } from './ownership.ts'
import { fail } from './replace.ts'

/** Where stamps are kept; CARAVAN_STATE_DIRECTORY is for tests that are not root. */
export const STAMPS = `\${CARAVAN_STATE_DIRECTORY:-/var/lib/caravan}/artifacts`

/** Where the content of an artifact comes from. */
export type Source =
  /** The host downloads it. */
  | Readonly<{ kind: 'url' }>
  /** It was uploaded whole. */
  | Readonly<{ kind: 'archive'; path: string }>
  /** Its files were uploaded one by one: where each is on the host, its sha256, and its name below the destination. */
  | Readonly<{ kind: 'files'; files: readonly Readonly<{ path: string; sha256: string; name: string }>[] }>

/** What is installed, and as what. */
export type Installation = Ownership &
  Readonly<{
    name: string
    /** The first line of its stamp: equal headers, equal content. */
    header: string
    url: string
    sha256: string
    format: 'zip' | 'tar' | 'bare'
    /** The file in the archive; undefined: all of them, below `to`. */
    member: string | undefined
    /** How many leading parts of their names are left out. */
    strip: number
    /** A file, or a directory with a final `/`. */
    to: string
    deadline: number
    /** What is there already is known by its content too, and not by the stamp alone. */
    paranoid: boolean
  }>

/**
 * A fragment that installs an artifact: nothing is written in place until the sum of all is right, each file is renamed
 * into place, and the stamp is written last. What is there already, by its stamp, is not downloaded again.
 */
export const artifactScript = (want: Installation, source: Source): string => `
to=${quote(want.to)} url=${quote(want.url)} stamps=${STAMPS} paranoid=${want.paranoid ? 1 : 0} tmp=
stamp=$stamps/${want.name} work=$stamps/.${want.name}.work
${FUNCTIONS}
own() {
  chown ${quote(`${want.owner}:${want.group}`)} -- "$1"
  chmod 0${want.mode} -- "$1"
}
if current ${quote(want.header)}; then
  sed 1,2d "$stamp" | while IFS= read -r line; do own "/\${line#*/}"; done
  exit 0
fi
case $to in
  */) [ -d "$to" ] || ${fail(`the directory ${want.to} does not exist`)} ;;
  *)
    [ -d "\${to%/*}/" ] || ${fail('the directory that it goes to does not exist')}
    [ ! -d "$to" ] || [ -L "$to" ] || ${fail('there is a directory in its place')}
    ;;
esac
(umask 022; mkdir -p -- "$stamps")
rm -rf -- "$work"
trap 'rm -rf -- "$work"; [ -z "$tmp" ] || rm -f -- "$tmp"' EXIT
mkdir -m 0700 -- "$work" "$work/out"
: >"$work/stamp"
${source.kind === 'files' ? putUploaded(source, want.to) : `${getArchive(source, want)}\n${UNPACK[want.format]}\n${putUnpacked(want)}`}
{ printf '%s\\n' ${quote(want.header)} "$url"; cat -- "$work/stamp"; } >"$work/whole"
chmod 0644 -- "$work/whole"
mv -f -T -- "$work/whole" "$stamp"`

// A line of a stamp: inode, size, time of the last change, sha256, path.
const FUNCTIONS = `
die() { printf '%s\\n' "$*" >&2; exit 1; }
sum_of() { sum=$(sha256sum <"$1"); printf %s "\${sum%% *}"; }
current() {
  [ -f "$stamp" ] || return 1
  {
    IFS= read -r line && [ "$line" = "$1" ] && IFS= read -r line || return 1
    found=1
    while IFS= read -r line; do
      path=/\${line#*/} facts=\${line%%/*}
      [ ! -L "$path" ] && [ -f "$path" ] && [ "$(stat -c '%i %s %.9Y' -- "$path")" = "\${facts% * }" ] || return 1
      [ $paranoid = 0 ] || [ "\${facts#* * * }" = "$(sum_of "$path") " ] || return 1
      found=0
    done
    return $found
  } <"$stamp"
}
# the same content stays the same file, for whoever runs it
put() {
  sum=$(sum_of "$1")
  if [ -L "$2" ] || [ ! -f "$2" ] || [ "$(sum_of "$2")" != "$sum" ]; then
    [ -L "$2" ] || [ ! -d "$2" ] || die "there is a directory in the place of $2"
    tmp=\${2%/*}/.\${2##*/}.caravan
    rm -rf -- "$tmp"
    cp -- "$1" "$tmp"
    own "$tmp"
    mv -f -T -- "$tmp" "$2"
    tmp=
  fi
  own "$2"
  printf '%s %s %s\\n' "$(stat -c '%i %s %.9Y' -- "$2")" "$sum" "$2" >>"$work/stamp"
}
check_sum() {
  sum=$(sum_of "$1")
  [ "$sum" != "$2" ] || return 0
  case $(head -c 256 -- "$1" | tr -d '\\0' | tr 'A-Z\\n' 'a-z ') in
    *'<!doctype html'* | *'<html'*) html=', an HTML page' ;;
    *) html= ;;
  esac
  die "$url is not what was pinned: expected sha256 $2, got $sum ($(($(wc -c <"$1"))) bytes$html)"
}`

const getArchive = (source: Exclude<Source, { kind: 'files' }>, { url, sha256, deadline }: Installation): string =>
  source.kind === 'archive'
    ? `archive=${quote(source.path)}\ncheck_sum "$archive" ${sha256}`
    : `
archive=$work/archive
command -v curl >/dev/null || die 'curl is not installed on the host: install it before, or let the controller download (by: controller)'
said=$(timeout ${deadline} curl -q -sS -f -L -g --proto =https,http --retry 2 --connect-timeout 20 -o "$archive" --url ${quote(url)} 2>&1) || {
  status=$?
  [ $status -ne 124 ] || said='not within ${deadline} s'
  die "$url could not be downloaded: $said"
}
[ -f "$archive" ] || : >"$archive"
check_sum "$archive" ${sha256}`

// zip is in no base system; Python is in those that cloud-init runs on
const UNPACK: Readonly<Record<Installation['format'], string>> = {
  bare: 'cp -- "$archive" "$work/out/file"',
  tar: `
tar -x -f "$archive" -C "$work/out" --no-same-owner --no-same-permissions || die "$url is no archive that tar can read"`,
  zip: `
if command -v unzip >/dev/null; then unzip -q -o "$archive" -d "$work/out"
elif command -v bsdtar >/dev/null; then bsdtar -x -f "$archive" -C "$work/out"
elif command -v python3 >/dev/null; then python3 -m zipfile -e "$archive" "$work/out"
else die 'the host can unpack no zip archive: install unzip before, or let the controller do it (by: controller)'
fi || die "$url is no zip archive that can be read"`,
}

const putUnpacked = ({ format, member, strip }: Installation): string => {
  if (format === 'bare') return 'put "$work/out/file" "$to"'
  if (member !== undefined)
    return `
file=$work/out/${quote(member)}
if [ -L "$file" ] || [ ! -f "$file" ]; then
  names=$(cd "$work/out" && find . -type f | sed 's,^\\./,,' | sort | head -n 10 | tr '\\n' ' ')
  names=\${names% }
  die "$url holds no file ${member}; it holds \${names:-nothing}"
fi
put "$file" "$to"`
  return `
odd=$(find "$work/out" ! -type f ! -type d | head -n 1)
[ -z "$odd" ] || die "$url holds what is no file: \${odd#"$work/out/"}"
[ -z "$(find "$work/out" -name '*[[:cntrl:]]*')" ] || die "$url holds a file with an impossible name"
(cd "$work/out" && find . -type f | sort) >"$work/list"
while IFS= read -r file; do
  short=\${file#./} left=${strip}
  while [ $left -gt 0 ]; do
    case $short in */*) short=\${short#*/} ;; *) short= ;; esac
    left=$((left - 1))
  done
  [ -n "$short" ] || continue
  case $short in */*) (umask 022; mkdir -p -- "$to\${short%/*}") ;; esac
  put "$work/out/$file" "$to$short"
done <"$work/list"
[ -s "$work/stamp" ] || die "$url holds no file ${strip === 0 ? 'at all' : `below ${strip} directories`}"`
}

const putUploaded = ({ files }: Extract<Source, { kind: 'files' }>, to: string): string =>
  files
    .map(({ path, sha256, name }) => {
      const parent = name.includes('/')
        ? `(umask 022; mkdir -p -- ${quote(`${to}${name.slice(0, name.lastIndexOf('/'))}`)})\n`
        : ''
      return `${parent}check_sum ${words([path, sha256])}\nput ${words([path, `${to}${name}`])}`
    })
    .join('\n')
