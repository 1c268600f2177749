import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import test from 'ava'
import { takeLease } from '../../core/remote/lease.ts'
import { command } from '../../core/resources/command.ts'
import { file } from '../../core/resources/file.ts'
import { http } from '../../core/resources/http.ts'
import { mount } from '../../core/resources/mount.ts'
import { ready } from '../../core/resources/ready.ts'
import { service } from '../../core/resources/service.ts'
import { unescapeField } from '../../core/resources/shared/mounts.ts'
import { sysctl } from '../../core/resources/sysctl.ts'
import { user } from '../../core/resources/user.ts'
import { Secret } from '../../core/secrets/secret.ts'
import { toyHost } from '../converge/toy.ts'
import { me } from '../resources/law.ts'
import { arrives, asName, type Field, texts } from './texts.ts'

const read = (...path: string[]): string => readFileSync(join(...path), 'utf8')
// On purpose not the quote of core, which is what is tested here.
const word = (text: string): string => `'${text.split("'").join(`'"'"'`)}'`
const withPrograms = (root: string) => ({ PATH: `${join(root, 'bin')}:${process.env.PATH}`, TOLD: root })
const programs = (all: Readonly<Record<string, string>>) => (root: string) => {
  mkdirSync(join(root, 'bin'))
  for (const [name, text] of Object.entries(all))
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
}

// Everything runs, with the same invocation, and is reloaded at once.
const systemctl = `
[ "$1" = show ] || exit 0
case $2$3 in
  -pInvocationID) echo 0123; exit ;;
  -pActiveState) echo active; exit ;;
  -pNeedDaemonReload) echo no; exit ;;
esac
while [ "$1" != -- ]; do shift; done
shift
for unit do
  printf 'LoadState=loaded\\nActiveState=active\\nUnitFileState=enabled\\nNeedDaemonReload=no\\nInvocationID=0123\\nInactiveExitTimestamp=\\n\\n'
done`
const asService: Partial<Field> = {
  moved: [['/run/caravan', '/run']],
  begin: (root) => {
    programs({ systemctl })(root)
    mkdirSync(join(root, 'run'))
  },
  env: withPrograms,
  changes: [{ property: 'reload', from: '', to: '' }],
}
const line = (dir: string) =>
  read(dirname(dir), 'fstab')
    .split('\n')
    .find((one) => one.includes(`/${basename(dir)}/`)) ?? ''
const asMount: Partial<Field> = {
  moved: [
    ['/etc/fstab', '/fstab'],
    ['/etc/.fstab', '/.fstab'],
    ['/run/systemd/system', '/none'],
  ],
  begin: (root) => writeFileSync(join(root, 'fstab'), '# of the host\n'),
  // each looks through the lines of all
  batch: 25,
}

const fields: Readonly<Record<string, Field>> = {
  'a condition': {
    declare: (dir, text) => ready(dir, { check: `printf %s ${word(text)} >${dir}/a`, within: '60s' }),
    came: (dir, text) => read(dir, 'a') === text,
  },
  'a command': {
    declare: (dir, text) =>
      command(dir, {
        run: `printf %s ${word(text)} >${dir}/a`,
        unless: `[ -e ${dir}/a ] && [ "$(cat ${dir}/a; echo .)" = ${word(`${text}.`)} ]`,
      }),
    came: (dir, text) => read(dir, 'a') === text,
  },
  'a value of sysctl': {
    declare: (dir, text) => sysctl(`fuzz.k${basename(dir)}`, text),
    came: (dir, text) => read(dir, `../proc/fuzz/k${basename(dir)}`) === `${text.trim().split(/\s+/).join(' ')}\n`,
    moved: [
      ['/proc/sys/', '/proc/'],
      ['/etc/sysctl.d/', '/d/'],
    ],
    begin: (root) => {
      for (const name of ['proc', 'proc/fuzz', 'd']) mkdirSync(join(root, name))
    },
    prepare: (dir) => writeFileSync(join(dir, `../proc/fuzz/k${basename(dir)}`), ''),
  },
  'the home of a user': {
    declare: (dir, text) =>
      user(`u${basename(dir)}`, { home: `/${asName(text)}`, shell: `/${asName(text)}/sh`, system: true }),
    came: (dir, text) =>
      read(dirname(dir), `u${basename(dir)}`).includes(`--home-dir\0/${asName(text)}\0--shell\0/${asName(text)}/sh\0`),
    begin: programs({ getent: 'exit 2', useradd: `for last do :; done; printf '%s\\0' "$@" >"$TOLD/$last"` }),
    env: withPrograms,
    observed: false,
  },
  'the name of a unit': {
    declare: (_, text) => service(text, { running: true }),
    came: (dir, _, { id }) => existsSync(join(dirname(dir), 'run', id)),
    ...asService,
  },
  'a file that a service is reloaded on': {
    declare: (dir, text) => {
      const input = file(join(dir, asName(text)), { ...me, content: text })
      writeFileSync(input.id, text)
      return service(`u${basename(dir)}`, { running: true, reloadOn: [input] })
    },
    came: (dir) => existsSync(join(dirname(dir), 'run', `u${basename(dir)}.service`)),
    ...asService,
  },
  'the source of a mount': {
    declare: (dir, text) => mount(`${dir}/x`, { source: text, fsType: 'tmpfs', options: ['noauto'] }),
    came: (dir, text) => unescapeField(line(dir).split(' ')[0] ?? '') === text,
    ...asMount,
  },
  'the path of a mount': {
    declare: (dir, text) => mount(join(dir, asName(text)), { source: 'x', fsType: 'tmpfs', options: ['noauto'] }),
    came: (dir, text) => unescapeField(line(`${dir}/`).split(' ')[1] ?? '') === join(dir, asName(text)),
    ...asMount,
  },
  'an option of a mount': {
    declare: (dir, text) => mount(`${dir}/x`, { source: 'x', fsType: 'tmpfs', options: ['noauto', text] }),
    came: (dir, text) => unescapeField(line(dir).split(' ')[3] ?? '') === `noauto,${text}`,
    ...asMount,
  },
}

for (const [index, [title, field]] of Object.entries(fields).entries())
  test(`hostile: ${title}`, (t) => arrives(t, field, 100 + index))

// Before the others, which would keep its server waiting.
test.serial('hostile: a body and a token of HTTP', async (t) => {
  const things = new Map<string, { body: string; token: string }>()
  const server = createServer(async (request, response) => {
    const [path = '', body] = [request.url, await textOf(request)]
    if (request.method === 'PUT') things.set(path, { body, token: String(request.headers['x-token']) })
    response.statusCode = things.has(path) ? 200 : 404
    response.end(things.get(path)?.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const access = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, tokenHeader: 'X-Token' }
  const path = (dir: string) => `/${basename(dir)}`
  const of = (dir: string, text: string, token: Secret) => {
    const body = { [text]: text }
    const one = http(dir, {
      ...access,
      token,
      observe: path(dir),
      want: body,
      apply: { method: 'PUT', path: path(dir), body },
    })
    // a token is looked at when it is used
    one.type.probe([one])
    return one
  }
  const begin = () => things.clear()
  const body: Field = {
    declare: (dir, text) => of(dir, text, Secret.of('token', 'abc')),
    came: (dir, text) => JSON.parse(things.get(path(dir))?.body ?? '')[text] === text,
    begin,
  }
  const token: Field = {
    declare: (dir, text) => of(dir, 'a', Secret.of('token', text.replaceAll(/\s/g, ''))),
    came: (dir, text) => things.get(path(dir))?.token === text.replaceAll(/\s/g, ''),
    begin,
  }
  await arrives(t, body, 120)
  await arrives(t, token, 121)
})

test('hostile: whoever holds a lease', async (t) => {
  t.timeout(60 * 60_000)
  const { dir, transport } = toyHost(t)
  for (const [index, text] of texts(130, 20).entries()) {
    // as a run makes it: without white space
    const holder = text.replaceAll(/[\s\0]/g, '').toWellFormed()
    await takeLease('node-1', transport, { run: `r${index}`, holder })
    const [, , written] = read(dir, 'run/lease').split('\n')
    if (written !== holder) t.fail(JSON.stringify([text, written]))
    rmSync(join(dir, 'run/lease'))
  }
  t.pass()
})
