import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

/** A terminal in which a program runs: keys go in, the screen with its history comes out. */
export type Terminal = Readonly<{
  /** Waits until the screen has this text, so many times. @throws Error with the screen after so many seconds. */
  sees: (text: string, options?: { times?: number; seconds?: number }) => Promise<void>
  /** Types a text. */
  type: (text: string) => void
  /** Presses keys by tmux's names, such as `Enter` or `C-c`. */
  press: (...keys: readonly string[]) => void
  /** All lines so far, without trailing blanks. */
  screen: () => string
  close: () => void
}>

/** Installs tmux with apt where it is missing, and says so. @throws Error when that cannot be done. */
export const needTmux = (): void => {
  if (spawnSync('tmux', ['-V']).error === undefined) return
  console.log('installing tmux with apt: the set-up is driven on a terminal of it')
  const install = 'DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends tmux'
  const words = ['-c', `${install} || { apt-get update -qq && ${install}; }`]
  const { status, stderr } = spawnSync('sh', words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`tmux is missing, and apt cannot install it: ${stderr}`)
}

let terminals = 0

/** Runs a command line for `sh` on a terminal of its own; below its end stands `exit status: N`. */
export const terminal = (command: string, columns = 110): Terminal => {
  const server = `caravan-${process.pid}-${terminals++}`
  const tmux = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync('tmux', ['-L', server, ...args], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`tmux ${args[0]}: ${stderr}`)
    return stdout
  }
  const line = `${command}; echo "exit status: $?"; exec sleep 600`
  tmux('-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', '50', line)
  const screen = () =>
    tmux('capture-pane', '-p', '-S', '-')
      .replaceAll(/[ \t]+$/gm, '')
      .trimEnd()
  const sees: Terminal['sees'] = async (text, { times = 1, seconds = 60 } = {}) => {
    for (const late = Date.now() + seconds * 1000; ; await sleep(100)) {
      const now = screen()
      if (now.split(text).length > times) return
      if (Date.now() > late) throw new Error(`not on the screen within ${seconds} s: ${text}\n${now}`)
    }
  }
  return {
    sees,
    type: (text) => void tmux('send-keys', '-l', text),
    press: (...keys) => void tmux('send-keys', ...keys),
    screen,
    close: () => void tmux('kill-server'),
  }
}
