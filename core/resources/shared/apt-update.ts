import { printBytes, quote } from '../../remote/shell.ts'
import { APT_FUNCTIONS } from './apt.ts'
import { fail } from './replace.ts'

/**
 * A fragment that reads the lists of one source by a candidate of its file, and then runs `put`, which puts the file
 * there: a source that cannot be read is never left behind. If the other lists were fresh, all of them are then.
 * Source: apt-get(8), apt.conf(5)
 */
export const aptUpdate = (name: string, content: Uint8Array, put: string): string => `
${APT_FUNCTIONS}
command -v apt-get >/dev/null || ${fail('there is no apt-get on this host')}
candidate=\${CARAVAN_RUN_DIRECTORY:-/run/caravan}/apt
rm -rf -- "$candidate"
trap 'rm -rf -- "$candidate"' EXIT
(umask 022; mkdir -p -- "$candidate")
{
${printBytes(content)}} >"$candidate"/${quote(name)}
chmod 0644 -- "$candidate"/${quote(name)}
after_cloud_init
installs=any
fresh=0
if fresh_enough; then fresh=1; fi
# List-Cleanup would delete the lists of all other sources
patient apt -o APT::Update::Error-Mode=any -o APT::Get::List-Cleanup=0 -o Dir::Etc::SourceParts=- \\
  -o Dir::Etc::SourceList="$candidate"/${quote(name)} update || ${fail('apt cannot read this repository, or its signature is not by this key; see above')}
${put}
# newer than the source: nothing else is to be read again; older than a day: all will be
if [ $fresh = 1 ]; then touch /var/lib/apt/lists; else touch -d '2 days ago' /var/lib/apt/lists; fi`
