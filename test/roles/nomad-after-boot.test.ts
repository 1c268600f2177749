import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { AFTER_BOOT, afterBoot } from '../../roles/nomad/after-boot.ts'
import { sandbox } from '../resources/law.ts'
import { sh } from '../resources/sh.ts'

const script = Buffer.from(afterBoot().want.content).toString()

/** A container that holds a network: whether it runs, and has its network. */
type Holder = Readonly<{ id: string; running: boolean; network: boolean }>

const CONTAINERS: readonly Holder[] = [
  { id: 'whole', running: true, network: true },
  { id: 'lost', running: true, network: false },
  { id: 'off', running: false, network: false },
]

/** Runs the program on a host of our own making: what it did to containers, and which addresses stay booked. */
const boot = async (t: ExecutionContext, { docker = true, marked = false, numbers = true } = {}) => {
  const root = sandbox(t)
  const at = (...parts: string[]) => join(root, ...parts)
  for (const one of ['bin', 'run', 'proc', 'leases']) mkdirSync(at(one))
  const program = (name: string, text: string) => {
    writeFileSync(at('bin', name), `#!/bin/sh\n${text}\n`)
    chmodSync(at('bin', name), 0o755)
  }
  const cases = CONTAINERS.map(({ id, running }) => `*.Name*${id}) echo "/nomad_init_${id} ${running} /netns/${id}" ;;`)
  program(
    'docker',
    `${docker ? '' : 'exit 1'}
case "$*" in
  *nomad_init_*) printf '%s\\n' ${CONTAINERS.map(({ id }) => id).join(' ')} ;;
  "ps -q") printf '%s\\n' task-of-whole task-of-lost ;;
  ${cases.join('\n  ')}
  *NetworkMode*task-of-*) echo "container:\${4#task-of-}" ;;
  *) echo "$*" >>${at('did')} ;;
esac`,
  )
  program(
    'nsenter',
    `case $1 in ${CONTAINERS.filter(({ network }) => network).map(({ id }) => `--net=/netns/${id}`)}) ;; *) exit 1 ;; esac`,
  )
  for (const [index, { id }] of [...CONTAINERS, { id: 'nobody' }].entries())
    writeFileSync(at('leases', `172.26.64.${index + 2}`), `${id}\r\neth0`)
  writeFileSync(at('leases', 'last_reserved_ip.0'), '172.26.64.5')
  writeFileSync(at('proc', 'pid_max'), '4194304\n')
  if (marked) writeFileSync(at('run', 'caravan-nomad-after-boot'), '')
  const moved = script
    .replaceAll('/run/', `${at('run')}/`)
    .replaceAll('/proc/sys/kernel/', `${at('proc')}/`)
    .replaceAll('/var/lib/cni/networks/nomad/', `${at('leases')}/`)
  writeFileSync(at('program'), numbers ? moved : moved.replace('/ns_last_pid', '/no/ns_last_pid'))
  const ran = await sh(`PATH=${at('bin')}:$PATH sh ${at('program')}`)
  const did = existsSync(at('did')) ? readFileSync(at('did'), 'utf8').trim().split('\n') : []
  const last = at('proc', 'ns_last_pid')
  return {
    ...ran,
    did,
    leases: readdirSync(at('leases')).sort(),
    marked: existsSync(at('run', 'caravan-nomad-after-boot')),
    number: existsSync(last) ? Number(readFileSync(last, 'utf8')) : undefined,
  }
}

test('what lost its network goes, with the tasks in it and its address; what has one stays', async (t) => {
  const { code, did, leases, marked, stdout } = await boot(t)
  t.is(code, 0)
  t.deepEqual(did, ['stop -t 30 task-of-lost', 'rm -f lost', 'rm -f off'])
  t.deepEqual(leases, ['172.26.64.2', 'last_reserved_ip.0'])
  t.true(marked)
  t.regex(stdout, /^removed the container nomad_init_lost, which has lost its network$/m)
})

test('numbers of processes go on far away from those of a boot, and elsewhere at each boot', async (t) => {
  const [one, other] = await Promise.all([boot(t), boot(t)])
  for (const { number = 0 } of [one, other]) t.true(number >= 4194304 / 4 && number < (4194304 * 3) / 4)
  t.not(one.number, other.number)
})

test('without a way to move the numbers the networks are still mended', async (t) => {
  const { code, did, stdout } = await boot(t, { numbers: false })
  t.is(code, 0)
  t.is(did.length, 3)
  t.regex(stdout, /process numbers could not be moved on/)
})

test('once for each boot', async (t) => {
  const { code, did, leases, number } = await boot(t, { marked: true })
  t.is(code, 0)
  t.deepEqual(did, [])
  t.is(leases.length, 5)
  t.is(number, undefined)
})

test('without Docker nothing is taken for lost, and the next start tries again', async (t) => {
  const { code, leases, marked } = await boot(t, { docker: false })
  t.not(code, 0)
  t.is(leases.length, 5)
  t.false(marked)
})

test('it is a program', (t) => {
  t.like(afterBoot(), { id: AFTER_BOOT, want: { mode: '0755', owner: 'root' } })
})
