import { UsageError } from '../errors.ts'
import { createStyle, type Style, wantsColours } from '../terminal/style.ts'
import type { Ui } from '../terminal/ui.ts'

/** A question for a text. */
export type TextQuestion = Readonly<{
  question: string
  /** The flag that answers it. */
  flag: string
  initial?: string | undefined
  /** What is wrong with an answer; undefined: nothing. */
  problem?: (text: string) => string | undefined
}>

/** The conversation with the person at the terminal, if there is one. */
export type Dialog = Readonly<{
  canAsk: boolean
  style: Style
  say: (...lines: readonly string[]) => void
  /** @throws UsageError where nobody can be asked; NoAnswer when nobody wanted to answer. So do the others. */
  text: (question: TextQuestion) => Promise<string>
  yes: (question: string, flag: string) => Promise<boolean>
  pick: (question: string, choices: readonly string[], flag: string) => Promise<string>
  choose: (question: string, choices: readonly string[], flag: string) => Promise<readonly string[]>
  handOver: Ui['handOver']
}>

export const createDialog = (ui: Ui, canAsk: boolean, stdout: NodeJS.WriteStream = process.stdout): Dialog => {
  const asking = async <T>(question: string, flag: string, ask: () => Promise<T>): Promise<T> => {
    if (!canAsk) throw new UsageError(`nobody can be asked here: ${question}`, { hint: `give --${flag}` })
    return ask()
  }
  const hint = (flag: string) => ({ hint: `give --${flag}` })
  return Object.freeze({
    canAsk,
    style: createStyle(wantsColours(stdout.isTTY === true, process.env)),
    say: (...lines) => void stdout.write(`${lines.join('\n')}\n`),
    text: ({ question, flag, initial, problem }) =>
      asking(question, flag, () =>
        ui.ask(question, {
          ...hint(flag),
          ...(initial !== undefined && { initial }),
          ...(problem !== undefined && { validate: (text: string) => problem(text) ?? true }),
        }),
      ),
    yes: (question, flag) => asking(question, flag, () => ui.confirm(question, { flag: `--${flag}` })),
    pick: (question, choices, flag) => asking(question, flag, () => ui.pick(question, choices, hint(flag))),
    choose: (question, choices, flag) => asking(question, flag, () => ui.choose(question, choices, hint(flag))),
    handOver: ui.handOver,
  } satisfies Dialog)
}
