import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { on } from './machines.ts'

const root = join(import.meta.dirname, '../..')
const node = join(root, 'node_modules/.bin/node')

/** Runs a playbook of the lab as a person would, and gives what it printed. Rejects for another exit status than 0. */
export const playbook = async (name: string, ...args: readonly string[]): Promise<string> => {
  const words = ['node_modules/.bin/zx', `playbooks/${name}.mjs`, '--lab', ...args]
  const { stdout } = await promisify(execFile)(node, words, { cwd: root, maxBuffer: 1e8 })
  return stdout.trim()
}

/** A secret of the lab, in plain text. */
export const secret = (name: string): Promise<string> => playbook('secrets', 'show', name)

/** What would be found of the lab's secrets in clear: their lines, but for certificates of CAs, which are none. */
export const secretLines = async (): Promise<readonly string[]> => {
  const names = (await playbook('secrets', 'show')).split('\n').map((line) => line.trim().split(/\s/)[0] ?? '')
  if (names.length < 8) throw new Error(`the lab has only these secrets: ${names.join(', ')}`)
  return (await Promise.all(names.map(secret))).flatMap((text) =>
    text
      .replace(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g, '')
      .split('\n')
      .filter((line) => line.length > 20 && !line.startsWith('-----')),
  )
}

/** Asks until a script succeeds on a machine. Rejects with its last failure once the seconds are over. */
export const eventually = (name: string, script: string, seconds: number): Promise<string> =>
  patiently(() => on(name, script), seconds)

/** Tries until it succeeds. Rejects with the last failure once the seconds are over. */
export const patiently = async <T>(work: () => Promise<T>, seconds: number): Promise<T> => {
  const end = Date.now() + seconds * 1000
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (Date.now() > end) throw error
      await sleep(1000)
    }
  }
}

const CONSUL = 'http://127.0.0.1:8500'
const NOMAD = '--cacert /etc/nomad.d/tls/ca.pem https://127.0.0.1:4646'

/** A request to an API on a machine, with a token on curl's stdin; gives the body and, on a last line, the status. */
const ask = (name: string, base: string, header: string, token: string, path: string, more = ''): Promise<string> =>
  on(
    name,
    `curl -s -m 10 -w '\\n%{http_code}' ${more} --config - ${base}${path} <<'END'\n${token === '' ? '' : `header = "${header}: ${token}"\n`}END`,
  )

/** Body and status of a request to Consul's API of a machine. */
export const askConsul = (name: string, token: string, path: string, more = ''): Promise<string> =>
  ask(name, CONSUL, 'X-Consul-Token', token, path, more)

/** Body and status of a request to Nomad's API of a machine. */
export const askNomad = (name: string, token: string, path: string, more = ''): Promise<string> =>
  ask(name, NOMAD, 'X-Nomad-Token', token, path, more)

/** The body of an answer that must have come with status 200. */
export const bodyOf = (answer: string): unknown => {
  const at = answer.lastIndexOf('\n')
  if (answer.slice(at + 1) !== '200') throw new Error(answer)
  return JSON.parse(answer.slice(0, at))
}
