import { safeLine } from '../terminal/safe.ts'
import type { Rule } from './ssh-words.ts'

/** What stops us on the host after ssh let us in. Source: sudo 1.8 to 1.9, sudo-rs, login, pam. */
export const becoming: readonly Rule[] = [
  [
    /sudo(?:-rs)?: (?:a password is required|interactive authentication is required|a terminal is required)/,
    () => ({
      message: 'sudo wants a password',
      hint: 'run it in a terminal, or set sudoPasswordFile of this host in the inventory',
      askable: true,
    }),
  ],
  [
    /incorrect password|Sorry, try again|Authentication fail/i,
    () => ({
      message: 'sudo does not accept the password',
      hint: 'check sudoPasswordFile of this host in the inventory, or run it in a terminal without that file',
      askable: true,
    }),
  ],
  [
    /(\S+) is not in the sudoers file|[Uu]ser (\S+) (?:may not run sudo|is not allowed to execute)|I'm sorry (\S+)\. I'm afraid/,
    (_, [, ...who]) => ({
      message: `${who.find((name) => name !== undefined)} may not run everything with sudo`,
      hint: 'use root, or a user that sudoers allows ALL commands',
    }),
  ],
  [
    /sudo: (?:command )?not found|sudo: No such file/,
    () => ({ message: 'the user is not root and there is no sudo', hint: 'use root, or install sudo there' }),
  ],
  [
    /you must have a tty to run sudo/,
    () => ({ message: 'sudo there insists on a terminal', hint: 'remove "Defaults requiretty" from its sudoers' }),
  ],
  [
    /[Pp]assword (?:change required|has expired)|password is expired|account.*expired/,
    ({ address }) => ({
      message: 'the password of the user has expired and must be changed before anything else',
      hint: `log in once by hand: ssh ${address}`,
    }),
  ],
  [
    /Please login as the user "([^"]+)"/,
    (_, [, user]) => ({
      message: `this machine wants the user ${safeLine(user ?? '')}`,
      hint: 'set it as user of this host in the inventory',
    }),
  ],
  [
    /account is (?:currently )?not available|nologin/,
    () => ({ message: 'the user has no login shell', hint: 'use another user' }),
  ],
]
