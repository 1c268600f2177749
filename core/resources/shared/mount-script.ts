import { quote, words } from '../../remote/shell.ts'
import { escapeField } from './mounts.ts'
import { beginReplace, endReplace, fail } from './replace.ts'

/**
 * A fragment that mounts by these six fields of fstab, and then writes the line. In this order a line that does not
 * work, which would stop the next boot, is never written.
 */
export const mountScript = (path: string, fields: readonly string[]): string => {
  const [source = '', , fsType = '', options = ''] = fields
  return `
where=${quote(path)} source=${quote(source)}
${mountNow(fsType, options)}
${writeLine(escapeField(path), fields.map(escapeField).join(' '))}
[ ! -d /run/systemd/system ] || systemctl daemon-reload`
}

const mountNow = (fsType: string, options: string): string => {
  const mounted = `LC_ALL=C mountpoint -q -- "$where"`
  if (options.split(',').includes('noauto')) return ''
  // a bind mount takes no other options at first, and is then remounted with them
  const remount = options.split(',').includes('bind') ? `remount,${options}` : `remount,${options}`
  return `
if ${mounted}; then
  mount -o ${quote(remount)} -- "$where"
else
  [ -e "$where" ] || mkdir -p -m 0755 -- "$where"
  [ -d "$where" ] && [ ! -L "$where" ] || ${fail('what is at its path is no directory')}
  [ -z "$(ls -A -- "$where")" ] || ${fail('the directory is not empty, and mounting would hide what is in it: move that away')}
  case $source in
    /*) [ -e "$source" ] || { printf '%s does not exist\\n' "$source" >&2; exit 1; } ;;
  esac
  timeout 60 mount -t ${words([fsType])} -o ${quote(options)} -- "$source" "$where" || {
    status=$?
    [ ! -b "$source" ] || printf 'it holds: %s\\n' "$(timeout 10 blkid -o export -- "$source" | tr '\\n' ' ')" >&2
    printf 'cannot mount %s as ${fsType}; it is never formatted from here\\n' "$source" >&2
    exit $status
  }
fi`
}
