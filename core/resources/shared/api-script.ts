import { quote } from '../../remote/shell.ts'
import { Secret } from '../../secrets/secret.ts'
import { accessLines, checkAccess, type HttpAccess } from './curl.ts'

/**
 * A script of `sh` that may ask an API on the host's loopback: `api PATH [OPTION OF CURL]…` prints the answer, and fails
 * unless it is one of success. With a token the script is a secret, and the token stands in no argument of a program.
 * `name` is what people see in its place.
 * @throws DeclarationError
 */
export const withApi = (name: string, access: HttpAccess, script: string): string | Secret => {
  checkAccess(name, access)
  const text = `api() {
  path=$1
  shift
  curl -q --config - "$@" --url ${quote(access.url)}"$path" <<'CARAVAN_API'
silent
show-error
fail
globoff
max-time = 10
${accessLines(access).join('\n')}
CARAVAN_API
}
${script}`
  return access.token === undefined ? text : Secret.of(name, text, [access.token])
}
