import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Unknown } from '../../core/declare/resource.ts'
import { crateUser, crateUserType } from '../../core/resources/crate-user.ts'
import { NO_CURL } from '../../core/resources/shared/curl.ts'
import { Secret } from '../../core/secrets/secret.ts'
import { law, lawOfUnknown, observe, sandbox } from './law.ts'
import { diffTable, garbageTable, show, wrongTable } from './tables.ts'

const password = Secret.of('crate-admin-password', 'Right1')
const admin = crateUser('admin', { task: 'crate', password })
const all = { exists: true, opens: true, privileges: 4 }

diffTable(crateUserType, [
  ['equal', admin.want, all, []],
  ['absent', admin.want, { exists: false, opens: false, privileges: 0 }, ['state: absent → present']],
  ['too few privileges', admin.want, { ...all, privileges: 1 }, ['privileges: 1 of 4 → all']],
])
test('diff: another password, which is not shown', (t) => {
  const changes = crateUserType.diff(admin.want, { ...all, opens: false }, { changes: () => false })
  t.regex(changes.map(show).join(), /^password: another → secret, mark \w{8}$/)
})

const declared =
  (name: string, task = 'crate') =>
  () =>
    crateUser(name, { task, password })
wrongTable([
  ...['crate', '', 'Admin', 'a b', "a'; DROP", '"x"', 'a\nb'].map(
    (name) => [declared(name), /no name for it/] as const,
  ),
  [declared('admin', 'crate.*'), /no name of a job/],
])
garbageTable('crateUser', (output) => crateUserType.parse(output, [admin]), [
  '',
  'x',
  '1 4',
  'none 4 200',
  '1 none 200',
  '1 4 200\n1 4 200\n',
])

/** A CrateDB with one user, and the programs that lead into its container. */
const crate = async (t: ExecutionContext, { runs = true } = {}) => {
  const state = { user: '', password: '', privileges: 0 }
  const answer = (stmt: string, args: readonly string[], basic: string | undefined): readonly [number, unknown] => {
    if (basic !== undefined && basic !== `${state.user}:${state.password}`)
      return [401, { error: 'password authentication failed' }]
    const count = (number: number) => [200, { cols: ['count(*)'], rows: [[number]], rowcount: 1 }] as const
    if (stmt === 'SELECT 1') return count(1)
    if (stmt.includes('sys.users')) return count(args[0] === state.user ? 1 : 0)
    if (stmt.includes('sys.privileges')) return count(state.privileges)
    const [, verb, user = ''] = /^(CREATE|ALTER) USER (\w+) (?:WITH|SET) \(password = \?\)$/.exec(stmt) ?? []
    if (verb === 'CREATE' && state.user === user) return [409, { error: 'UserAlreadyExistsException' }]
    if (verb === 'ALTER' && state.user !== user) return [404, { error: 'UserUnknownException' }]
    if (verb !== undefined) Object.assign(state, { user, password: args[0] })
    else if (stmt === `GRANT ALL PRIVILEGES TO ${state.user}`) state.privileges = 4
    else return [400, { error: `no such statement: ${stmt}` }]
    return [200, { rowcount: 1 }]
  }
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece) => pieces.push(piece))
    request.on('end', () => {
      const { stmt, args } = JSON.parse(Buffer.concat(pieces).toString())
      const said = request.headers.authorization?.replace('Basic ', '')
      const [status, body] = answer(stmt, args, said === undefined ? undefined : Buffer.from(said, 'base64').toString())
      response.writeHead(status).end(JSON.stringify(body))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const bin = sandbox(t)
  const program = (name: string, script: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  program('docker', `case $1 in ps) ${runs ? 'echo abc' : ':'} ;; inspect) echo 4711 ;; esac`)
  program(
    'nsenter',
    `[ "$1 $2 $3 $4" = "-t 4711 -n --" ] || exit 9\nshift 4\nexec "$@" --connect-to ::127.0.0.1:${(server.address() as AddressInfo).port}`,
  )
  const options = { env: { PATH: `${bin}:${process.env.PATH}` } }
  return { state, world: { options, snapshot: async () => [JSON.stringify(state)] } }
}

test('law: made, given a password, given privileges', async (t) => {
  const { state, world } = await crate(t)
  t.deepEqual((await law(t, world, admin)).map(show), ['state: absent → present'])
  t.deepEqual(state, { user: 'admin', password: 'Right1', privileges: 4 })
  state.password = 'Other'
  t.is((await law(t, world, admin))[0]?.property, 'password')
  state.privileges = 0
  t.deepEqual((await law(t, world, admin)).map(show), ['privileges: 0 of 4 → all'])
  await lawOfUnknown(t, world, admin)
})

test('any password arrives as it is', async (t) => {
  const { state, world } = await crate(t)
  const text = `it's "\\ $(id) ü\n\u0007: @x`
  await law(t, world, crateUser('admin', { task: 'crate', password: Secret.of('x', text) }))
  t.is(state.password, text)
})

test('no container, no Docker, and no CrateDB that answers cannot be observed', async (t) => {
  t.deepEqual(await observe([admin], (await crate(t, { runs: false })).world.options), [
    new Unknown('no CrateDB of the job answers on this host'),
  ])
  t.deepEqual(await observe([admin], { env: { PATH: '/nonexistent' } }), [NO_CURL])
})
