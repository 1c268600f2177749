import { styleText } from 'node:util'

/** How texts are coloured; without colours each gives its text back. */
export type Style = Readonly<Record<'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan', (text: string) => string>>

export const createStyle = (colours: boolean): Style => {
  const paint = (format: keyof Style) => (text: string) =>
    colours && text !== '' ? styleText(format, text, { validateStream: false }) : text
  return Object.freeze({
    bold: paint('bold'),
    dim: paint('dim'),
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
    cyan: paint('cyan'),
  })
}

/** Whether colours are wanted: on a terminal that can show them, unless `NO_COLOR` is set. Source: https://no-color.org */
export const wantsColours = (isTTY: boolean, env: NodeJS.ProcessEnv): boolean =>
  isTTY && env.TERM !== 'dumb' && !env.NO_COLOR
