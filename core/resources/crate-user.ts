import { declare, type Resource, type ResourceType, Unknown } from '../declare/resource.ts'
import { hidden, type Secret } from '../secrets/secret.ts'
import { insideTask } from './shared/container.ts'
import { NO_CURL } from './shared/curl.ts'
import { wrong } from './shared/declared.ts'
import { checkNomadName } from './shared/nomad.ts'
import { garbage } from './shared/observe.ts'

export type CrateUserOptions = Readonly<{
  /** The task of Nomad whose container is CrateDB. */
  task: string
  password: Secret
}>

export type CrateUserWant = CrateUserOptions

export type CrateUserHave = Readonly<{
  exists: boolean
  /** Whether the password opens it. */
  opens: boolean
  /** How many of the privileges on the whole cluster it has: DQL, DML, DDL and AL. */
  privileges: number
}>

const ALL = 4

export const crateUserType: ResourceType<CrateUserWant, CrateUserHave> = {
  name: 'crateUser',
  probe: (all) => `
command -v curl >/dev/null || { echo none; exit 0; }
${all.map(({ id, want }) => `(${functions(want.task)}\n${look(id, want)}\n)`).join('\n')}`,
  parse: (output, all) => {
    if (output.trim() === 'none') return new Map(all.map(({ id }) => [id, NO_CURL]))
    const lines = output.split('\n').filter((line) => line !== '')
    if (lines.length !== all.length) garbage('crateUser', `${lines.length} answers to ${all.length} questions`)
    return new Map(all.map(({ id }, index) => [id, haveOf(lines[index] ?? '')]))
  },
  diff: ({ password }, { exists, opens, privileges }) => [
    ...(exists ? [] : [{ property: 'state', from: 'absent', to: 'present' }]),
    ...(exists && !opens ? [{ property: 'password', from: 'another', to: hidden(password.reveal()) }] : []),
    ...(exists && privileges < ALL ? [{ property: 'privileges', from: `${privileges} of ${ALL}`, to: 'all' }] : []),
  ],
  apply: ({ id, want }) => change(id, want),
  sensitive: () => true,
}

/**
 * A user of CrateDB with all privileges, who signs in with a password. It is looked at and made through loopback of a
 * container that runs on the host, where CrateDB trusts its superuser `crate`; for `onOne`.
 * @throws DeclarationError
 */
export const crateUser = (name: string, { task, password }: CrateUserOptions): Resource<CrateUserWant> => {
  const resource = `crateUser ${name}`
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name) || name === 'crate')
    throw wrong(
      resource,
      `${JSON.stringify(name)} is no name for it`,
      'small letters, digits and _; crate is there already',
    )
  checkNomadName(resource, task)
  return declare(crateUserType, name, { task, password })
}

// The port within the container. Source: https://cratedb.com/docs/crate/reference/en/latest/interfaces/http.html
const functions = (task: string): string => `${insideTask(task)}
inside true || :
nl='
'
# asks with a configuration of curl on stdin, and a statement as JSON
sql() {
  status=0
  answer=$(inside timeout 15 curl -q --config - 2>/dev/null) || status=$?
  [ $status -eq 0 ] || answer="$nl"000
  code=\${answer##*"$nl"} answer=\${answer%"$nl"*}
}
number() { printf %s "$answer" | grep -oE '"rows":\\[\\[[0-9]+\\]\\]' | grep -oE '[0-9]+' || echo none; }`

const statement = (stmt: string, args: readonly string[], more: readonly string[] = []): string => `sql <<'CARAVAN_CURL'
${curlFor(JSON.stringify({ stmt, args }), more)}
CARAVAN_CURL`

// Quoted values of curl's configuration know \\ and \". Source: curl(1), "--config"
const curlFor = (body: string, more: readonly string[]): string =>
  [
    'silent',
    'write-out = "\\n%{http_code}"',
    'url = "http://127.0.0.1:4200/_sql"',
    'header = "Content-Type: application/json"',
    `data-raw = ${quoted(body)}`,
    'noproxy = "*"',
    'connect-timeout = 3',
    'max-time = 10',
    ...more,
  ].join('\n')

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`

const USERS = 'SELECT count(*) FROM sys.users WHERE name = ?'
const PRIVILEGES = "SELECT count(*) FROM sys.privileges WHERE grantee = ? AND class = 'CLUSTER' AND state = 'GRANT'"

const look = (id: string, { password }: CrateUserWant): string => `
${statement(USERS, [id])}
if [ "$code" != 200 ]; then echo "unknown $code"; exit 0; fi
exists=$(number)
${statement(PRIVILEGES, [id])}
privileges=$(number)
${statement('SELECT 1', [], [`user = ${quoted(`${id}:${password.reveal()}`)}`])}
echo "$exists $privileges $code"`

const haveOf = (line: string): CrateUserHave | Unknown => {
  const [, why] = /^unknown (\d{3})$/.exec(line) ?? []
  if (why !== undefined) return outOfOrder(why)
  const [, exists, privileges, code] = /^([01]) (\d+) (\d{3})$/.exec(line) ?? garbage('crateUser', line)
  if (code !== '200' && code !== '401') return outOfOrder(code)
  return { exists: exists === '1', opens: code === '200', privileges: Number(privileges) }
}

const outOfOrder = (code: string | undefined): Unknown =>
  new Unknown(code === '000' ? 'no CrateDB of the job answers on this host' : `CrateDB answers ${code}`)

const must = `[ "$code" = 200 ] || { printf 'CrateDB answers %s: %s\\n' "$code" "$(printf %s "$answer" | head -c 300)" >&2; exit 1; }`

// Source: https://cratedb.com/docs/crate/reference/en/latest/admin/user-management.html and …/privileges.html
const change = (id: string, { task, password }: CrateUserWant): string => `${functions(task)}
${statement(USERS, [id])}
${must}
if [ "$(number)" = 0 ]; then
${statement(`CREATE USER ${id} WITH (password = ?)`, [password.reveal()])}
else
${statement(`ALTER USER ${id} SET (password = ?)`, [password.reveal()])}
fi
${must}
${statement(`GRANT ALL PRIVILEGES TO ${id}`, [])}
${must}`
