import test from 'ava'
import type { ConnectError } from '../../core/errors.ts'
import { UnfinishedError } from '../../core/errors.ts'
import { lost, notConnected, notRoot } from '../../core/remote/diagnose.ts'

const peer = { name: 'node-1', address: 'box.example.com', pinned: false, identityFile: undefined }
const keyed = { ...peer, identityFile: '/k/id' }

const CHANGED = `@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
The fingerprint for the ED25519 key sent by the remote host is
SHA256:uScvuhqnHSWM9KnD1qGLi6519y+lwQbIHblQhaBckog.
Please contact your system administrator.
Add correct host key in /p/known_hosts to get rid of this message.
Offending ED25519 key in /p/known_hosts:3
Host key for box.example.com has changed and you have requested strict checking.
Host key verification failed.
`

/** What OpenSSH printed (recorded from 8.4 and 9.2), and the words that a person must find in the error. */
const ssh: readonly [name: string, stderr: string, words: RegExp, askable: boolean, as?: typeof peer | typeof keyed][] =
  [
    [
      'refused',
      'ssh: connect to host box.example.com port 22: Connection refused',
      /box.example.com refuses .* port 22/,
      false,
    ],
    [
      'timed out',
      'ssh: connect to host 192.0.2.1 port 22: Connection timed out',
      /192.0.2.1 does not answer on port 22.*firewall/s,
      false,
    ],
    ['timed out on macOS', 'ssh: connect to host 192.0.2.1 port 22: Operation timed out', /does not answer/, false],
    [
      'no route',
      'ssh: connect to host 192.0.2.1 port 22: No route to host',
      /no way to 192.0.2.1: no route to host/,
      false,
    ],
    ['network down', 'ssh: connect to host 192.0.2.1 port 22: Network is unreachable', /network is unreachable/, false],
    [
      'unknown name',
      'ssh: Could not resolve hostname box.example.com: Name or service not known',
      /name box.example.com is not known/,
      false,
    ],
    [
      'silent sshd',
      'Connection timed out during banner exchange\nConnection to 192.0.2.1 port 22 timed out',
      /sshd does not answer/,
      false,
    ],
    [
      'wrong user',
      'deploy@box.example.com: Permission denied (publickey,password).',
      /does not let deploy in with the keys of your agent.*publickey,password/,
      true,
    ],
    [
      'wrong key',
      'root@box.example.com: Permission denied (publickey).',
      /does not let root in with \/k\/id/,
      true,
      keyed,
    ],
    [
      'lax key',
      "Permissions 0644 for '/k/id' are too open.\nroot@box: Permission denied (publickey).",
      /chmod 600 \/k\/id/,
      false,
      keyed,
    ],
    [
      'missing key',
      'no such identity: /k/id: No such file or directory\nroot@box: Permission denied (publickey).',
      /no key \/k\/id/,
      false,
      keyed,
    ],
    [
      'too many keys',
      'Received disconnect from 192.0.2.1 port 22:2: Too many authentication failures',
      /identityFile/,
      false,
    ],
    [
      'changed key',
      CHANGED,
      /is not the one.*ED25519 key SHA256:uScvuhqnHSWM9KnD1qGLi6519y\+lwQbIHblQhaBckog.*delete line 3 of \/p\/known_hosts/s,
      false,
    ],
    ['changed pinned key', CHANGED, /correct hostKeys of node-1/, false, { ...peer, pinned: true }],
    [
      'unknown key',
      'No ED25519 host key is known for box and you have requested strict checking.\nHost key verification failed.',
      /not known yet.*hostKeys.*--accept-new-host-keys/s,
      true,
    ],
    [
      'pinned, but another type',
      'No RSA host key is known for node-1 and you have requested strict checking.\nHost key verification failed.',
      /is not the one.*hostKeys/s,
      false,
      { ...peer, pinned: true },
    ],
    [
      'bad configuration',
      '/home/me/.ssh/config: line 3: Bad configuration option: foo\nterminating, 1 bad configuration options',
      /configuration.*mend it/s,
      false,
    ],
    [
      'no common algorithm',
      'Unable to negotiate with 192.0.2.1 port 22: no matching host key type found. Their offer: ssh-dss',
      /no matching host key type in common/,
      false,
    ],
    [
      'closed early',
      'kex_exchange_identification: Connection closed by remote host\nConnection closed by 192.0.2.1 port 22',
      /closed the connection before/,
      false,
    ],
    [
      'jump host does not get on',
      'channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed\nConnection closed by UNKNOWN port 65535',
      /jump host does not reach box.example.com: connection refused/,
      false,
    ],
    ['expired password', 'Password change required but no TTY available.', /expired.*ssh box.example.com/s, false],
  ]

const wordsOf = ({ message, details }: ConnectError) => `${message}\n${details.detail}\n${details.hint}`

for (const [name, stderr, words, askable, as = peer] of ssh) {
  test(`ssh: ${name}`, (t) => {
    const error = notConnected(`Welcome!\r\n${stderr.replaceAll('\n', '\r\n')}\r\n`, as)
    t.regex(wordsOf(error), words)
    t.is(error.askable, askable)
    t.is(error.details.host, 'node-1')
    t.false(error instanceof UnfinishedError)
  })
}

/** What sudo and login shells print, and the status that ssh then ends with. */
const root: readonly [name: string, printed: string, code: number, words: RegExp, askable: boolean][] = [
  ['password needed', 'sudo: a password is required\n', 1, /sudo wants a password.*sudoPasswordFile/s, true],
  ['password needed, sudo-rs', 'sudo: interactive authentication is required\n', 1, /sudo wants a password/, true],
  [
    'wrong password',
    'Sorry, try again.\nsudo: no password was provided\nsudo: 1 incorrect password attempt\n',
    1,
    /does not accept the password/,
    true,
  ],
  ['not in sudoers', 'deploy is not in the sudoers file.\n', 1, /deploy may not run everything/, false],
  [
    'not all commands',
    "Sorry, user deploy is not allowed to execute '/usr/bin/sh -c x' as root on box.\n",
    1,
    /deploy may not run everything/,
    false,
  ],
  ['nothing at all', 'Sorry, user deploy may not run sudo on box.\n', 1, /deploy may not run everything/, false],
  ['no sudo', 'sh: 1: exec: sudo: not found\n', 127, /there is no sudo/, false],
  ['requiretty', 'sudo: sorry, you must have a tty to run sudo\n', 1, /requiretty/, false],
  ['nologin', 'This account is currently not available.\n', 1, /no login shell/, false],
  [
    'cloud image',
    'Please login as the user "debian" rather than the user "root".\n',
    142,
    /wants the user debian/,
    false,
  ],
  ['anything else', 'Restricted shell.\n', 3, /ran nothing \(exit 3\)\nRestricted shell\./, false],
]

for (const [name, printed, code, words, askable] of root) {
  test(`on the host: ${name}`, (t) => {
    const error = notRoot(printed, code, peer)
    t.regex(wordsOf(error), words)
    t.is(error.askable, askable)
  })
}

test('what ssh does not explain may have run', (t) => {
  t.true(notConnected('', peer) instanceof UnfinishedError)
  t.true(lost('', peer) instanceof UnfinishedError)
})

test('no control character of a host gets through', (t) => {
  const error = notConnected('x\x1b[2J@box: Permission denied (pub\x07key).', peer)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is the point
  t.notRegex(wordsOf(error).replaceAll('\n', ''), /[\x00-\x1f]/)
})
