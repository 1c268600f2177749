import { UnfinishedError } from '../errors.ts'
import { DEFAULT_MAX_OUTPUT, DEFAULT_TIMEOUT, type Ending } from './process.ts'
import type { RunOptions } from './transport.ts'

type Kind = Exclude<Ending['kind'], 'exit' | 'unstartable'>

/** The error for a script that we stopped waiting for. */
export const givenUp = (kind: Kind, host: string | undefined, options: RunOptions): UnfinishedError => {
  const { timeout = DEFAULT_TIMEOUT, maxOutput = DEFAULT_MAX_OUTPUT } = options
  if (kind === 'timeout') {
    const hint = 'look there for what hangs; it may still be running'
    return new UnfinishedError(`a script did not end within ${timeout} s`, { host, hint })
  }
  if (kind === 'overflow') {
    return new UnfinishedError(`a script printed more than ${maxOutput} bytes`, {
      host,
      hint: 'look there for what it was that spoke so much',
    })
  }
  return new UnfinishedError('a script was stopped before its end', { host })
}
