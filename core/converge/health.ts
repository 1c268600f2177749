import type { HealthCheck } from '../declare/health.ts'
import { ProbeError } from '../errors.ts'
import { quote } from '../remote/shell.ts'
import type { Transport } from '../remote/transport.ts'
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

const asked = (nonce: string, { ask }: HealthCheck, index: number): string => `
answer=$(timeout ${PATIENCE} sh -c ${quote(ask)} </dev/null 2>&1) && status=0 || status=$?
echo "${nonce} ${index} $status $(printf %s "$answer" | head -c ${LONGEST} | base64 -w 0)"`

/** Asks a host all questions in one round trip. @throws ProbeError when its answer makes no sense; ConnectError */
export const examine = async (
  host: string,
  transport: Transport,
  questions: readonly Question[],
): Promise<readonly Health[]> => {
  const nonce = newNonce()
  const script = questions.map(({ check }, index) => asked(nonce, check, index)).join('\n')
  const { stdout, stderr } = await transport.run(script, { timeout: PATIENCE * questions.length + 60 })
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
