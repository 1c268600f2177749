import { printBytes, quote } from '../../remote/shell.ts'
import { APT_FUNCTIONS } from './apt.ts'
import { nameOf, parentOf } from './declared.ts'
import { fail } from './replace.ts'

/** A file of a repository, and the fragment that puts it there. */
export type RepositoryFile = Readonly<{ path: string; content: Uint8Array; put: string }>

/**
 * A fragment that puts the key there, reads the lists by a candidate of the source, and then puts the source there. A
 * source that cannot be read is never left behind, nor a key that does not fit. If the other lists were fresh, all are.
 * Source: apt-get(8), apt.conf(5)
 */
export const aptUpdate = (keyring: RepositoryFile, sources: RepositoryFile): string => `
${APT_FUNCTIONS}
command -v apt-get >/dev/null || ${fail('there is no apt-get on this host')}
dir=\${CARAVAN_RUN_DIRECTORY:-/run/caravan}/apt key=${quote(keyring.path)}
rm -rf -- "$dir"
trap 'rm -rf -- "$dir"' EXIT
(umask 022; mkdir -p -- "$dir" ${quote(parentOf(keyring.path))})
candidate=$dir/${quote(nameOf(sources.path))}
{
${printBytes(sources.content)}} >"$candidate"
after_cloud_init
installs=any
fresh=0
# where nothing was ever read, nothing is fresh
[ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*Release' 2>/dev/null)" ] || ! fresh_enough || fresh=1
[ ! -f "$key" ] || cp -p -- "$key" "$dir/key"
(
${keyring.put}
)
# List-Cleanup would delete the lists of all other sources
patient apt -o APT::Update::Error-Mode=any -o APT::Get::List-Cleanup=0 -o Dir::Etc::SourceParts=- \\
  -o Dir::Etc::SourceList="$candidate" update || {
  if [ -f "$dir/key" ]; then mv -f -T -- "$dir/key" "$key"; else rm -f -- "$key"; fi
  ${fail('apt cannot read this repository, or its signature is not by this key')}
}
(
${sources.put}
)
# newer than the source: nothing is to be read again; older than a day: all of them are
if [ $fresh = 1 ]; then touch /var/lib/apt/lists; else touch -d '2 days ago' /var/lib/apt/lists; fi`
