import type { HealthCheck } from '../declare/health.ts'
import { ProbeError } from '../errors.ts'
import { quote, unseenShell } from '../remote/shell.ts'
import type { Transport } from '../remote/transport.ts'
import { isSecret } from '../secrets/secret.ts'
import { newNonce } from './frames.ts'

/** A check of a role on a host, and what came of it. */
export type Health = Readonly<{
  host: string
  role: string
  check: HealthCheck
  answer: string
  /** The exit status of the question; 124: it took too long. */
  status: number
  well: boolean
}>

/** A question with the role that asks it. */
export type Question = Readonly<{ role: string; check: HealthCheck }>

// Seconds, and bytes of an answer.
const PATIENCE = 10
const LONGEST = 4096

/** Seconds that a check has. */
export const patienceOf = ({ within = PATIENCE }: HealthCheck): number => within

const shellFor = ({ ask }: HealthCheck): string =>
  isSecret(ask) ? unseenShell(ask.reveal()) : `sh -c ${quote(ask)} </dev/null`

const asked = (nonce: string, check: HealthCheck, index: number): string => `
ask() { timeout ${patienceOf(check)} ${shellFor(check)}
}
answer=$(ask 2>&1) && status=0 || status=$?
echo "${nonce} ${index} $status $(printf %s "$answer" | head -c ${LONGEST} | base64 -w 0)"`

/** Asks a host all questions in one round trip. @throws ProbeError when its answer makes no sense; ConnectError */
export const examine = async (
  host: string,
  transport: Transport,
  questions: readonly Question[],
): Promise<readonly Health[]> => {
  const nonce = newNonce()
  const script = questions.map(({ check }, index) => asked(nonce, check, index)).join('\n')
  const patience = questions.reduce((sum, { check }) => sum + patienceOf(check), 60)
  const { stdout, stderr } = await transport.run(script, { timeout: patience })
  const lines = stdout.toString().split('\n')
  return questions.map(({ role, check }, index) => {
    const line = lines.find((one) => one.startsWith(`${nonce} ${index} `))
    const [, status, base64] = /^\S+ \d+ (\d{1,3}) ([A-Za-z0-9+/]*={0,2})$/.exec(line ?? '') ?? []
    if (status === undefined || base64 === undefined)
      throw new ProbeError(`nothing came back about "${check.name}"`, {
        host,
        role,
        detail: stderr.trim() || undefined,
      })
    const answer = Buffer.from(base64, 'base64').toString().trim()
    return { host, role, check, answer, status: Number(status), well: check.judge(answer, Number(status)) }
  })
}

/** A check whose answers must be the same on all hosts is not well where they are not: it is said of every host. */
export const compared = (all: readonly Health[]): readonly Health[] => {
  const answers = Map.groupBy(
    all.filter(({ check }) => check.same === true),
    ({ role, check }) => `${role} ${check.name}`,
  )
  return all.map((one) => {
    const others = answers.get(`${one.role} ${one.check.name}`) ?? []
    return others.some(({ answer }) => answer !== one.answer) ? { ...one, well: false } : one
  })
}
