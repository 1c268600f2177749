import { quote } from '../../remote/shell.ts'
import { escapeField, fstabLine } from './mounts.ts'
import { beginReplace, endReplace, fail } from './replace.ts'

/** What is to be done about one line of fstab. */
export type MountWork = Readonly<{
  /** The six fields, unescaped. */
  fields: readonly string[]
  /** The line is written. */
  write: boolean
  /** What is mounted gets its options again. */
  remount: boolean
}>

/** A fragment that mounts first, and only then writes the line: one that does not work would stop the next boot. */
export const mountScript = ({ fields, write, remount }: MountWork): string => {
  const [source = '', path = '', fsType = '', options = ''] = fields
  return `
source=${quote(source)} where=${quote(path)}
# the kernel knows real paths alone
real=$(realpath -m -- "$where"; echo .)
[ "$real" = ${quote(`${path}\n.`)} ] || ${fail('its path leads through a symbolic link: write the real path')}
is_mounted() { mountpoint -q -- "$where"; }
${options.split(',').includes('noauto') ? '' : mountNow(fsType, options)}
${remount ? `if is_mounted; then timeout 60 mount -o ${quote(`remount,${options}`)} -- "$where"; fi` : ''}
${write ? writeLine(escapeField(path), fstabLine(fields)) : ''}`
}

// With nofail mount(8) calls it a success when there is no such device.
const mountNow = (fsType: string, options: string): string => `
if ! is_mounted; then
  [ -e "$where" ] || mkdir -p -m 0755 -- "$where"
  [ -d "$where" ] || ${fail('what is at its path is no directory')}
  [ -z "$(ls -A -- "$where")" ] || ${fail('the directory is not empty, and mounting would hide what is in it: move that away')}
  if ! timeout 60 mount -t ${quote(fsType)} -o ${quote(options)} -- "$source" "$where" || ! is_mounted; then
    case $source in
      /*) [ -e "$source" ] || { printf '%s does not exist\\n' "$source" >&2; exit 1; } ;;
    esac
    [ ! -b "$source" ] || printf 'it holds: %s\\n' "$(timeout 10 blkid -o export -- "$source" | tr '\\n' ' ')" >&2
    printf '%s cannot be mounted as ${fsType} (nothing is formatted from here)\\n' "$source" >&2
    exit 1
  fi
fi`

// The line is found on the host and not in what was observed: another mount may have changed the file before.
const writeLine = (target: string, line: string): string => `
${beginReplace('/etc/fstab')}
if [ -L "$path" ] || [ -p "$path" ]; then ${fail('/etc/fstab is no regular file')}; fi
[ -e "$path" ] || (umask 022; : >"$path")
numbers= number=0
while IFS=' \t' read -r first at rest || [ -n "$first" ]; do
  number=$((number + 1))
  while :; do case $at in ?*/) at=\${at%/} ;; *) break ;; esac; done
  case $first in '#'*) ;; *) [ "$at" != ${quote(target)} ] || numbers="$numbers $number" ;; esac
done <"$path"
set -- $numbers
[ $# -le 1 ] || ${fail('/etc/fstab has two lines for it: remove one by hand')}
{
  if [ $# -eq 0 ]; then
    cat -- "$path"
    [ ! -s "$path" ] || [ "$(tail -c 1 -- "$path" | wc -l)" -eq 1 ] || echo
  else head -n $(($1 - 1)) -- "$path"
  fi
  printf '%s\\n' ${quote(line)}
  [ $# -eq 0 ] || tail -n +$(($1 + 1)) -- "$path"
} >"$tmp"
cp --attributes-only --preserve=mode,ownership -- "$path" "$tmp"
${endReplace}
# systemd makes its units from this file
[ ! -d /run/systemd/system ] || timeout 60 systemctl daemon-reload`
