/** Whose failure it is. */
export type Peer = Readonly<{
  /** As the inventory names it. */
  name: string
  address: string
  /** Whether the inventory gives its host keys. */
  pinned: boolean
  identityFile: string | undefined
}>

/** What a person is told; `askable`: somebody at a terminal could mend it. */
export type Verdict = Readonly<{ message: string; hint: string; detail?: string; askable?: true }>
export type Rule = readonly [pattern: RegExp, verdict: (peer: Peer, found: RegExpExecArray) => Verdict]

/** What ssh says on stderr before it ends with status 255, the most telling first. Source: OpenSSH 8.4 to 9.9. */
export const opening: readonly Rule[] = [
  [/REMOTE HOST IDENTIFICATION HAS CHANGED|(?:Host|Server) key .* has been revoked/i, changedKey],
  [/No \S+ host key is known for|Host key verification failed/, unknownKey],
  [
    /Could not resolve hostname \S+: (.+)/,
    ({ address }) => ({
      message: `the name ${address} is not known`,
      hint: 'check its address in the inventory, or the alias in your ssh configuration',
    }),
  ],
  // Where a jump host stands in between, it may be the one that these name.
  [
    /connect to (?:host|address) (\S+) port (\d+): Connection refused/,
    (_, [, where, port]) => ({
      message: `${where} refuses connections on port ${port}`,
      hint: 'is sshd running there, and is this its port?',
    }),
  ],
  [
    /connect to (?:host|address) (\S+) port (\d+): (?:Connection|Operation) timed out/,
    (_, [, where, port]) => ({
      message: `${where} does not answer on port ${port}`,
      hint: 'is it running, is the address right, does a firewall let you through?',
    }),
  ],
  [
    /banner exchange: .*timed out|Connection timed out during banner exchange/,
    ({ address }) => ({
      message: `${address} accepts connections, but sshd does not answer`,
      hint: 'is the machine out of memory, or still booting?',
    }),
  ],
  [
    /connect to (?:host|address) (\S+) port \d+: (No route to host|Network is unreachable|Host is down)/,
    (_, [, where, why]) => ({
      message: `there is no way to ${where}: ${why?.toLowerCase()}`,
      hint: 'check the address, your network or VPN',
    }),
  ],
  [
    /channel \d+: open failed: (?:[a-z ]+: )?(.+)/,
    ({ address }, [, why]) => ({
      message: `the jump host does not reach ${address}: ${why?.trim().toLowerCase()}`,
      hint: 'check ProxyJump of your ssh configuration, and the address as the jump host sees it',
    }),
  ],
  [
    /Permissions \d+ for '(.+)' are too open/,
    (_, [, file]) => ({
      message: `others may read the key ${file}, so ssh does not use it`,
      hint: `chmod 600 ${file}`,
    }),
  ],
  [
    /no such identity: (.+): No such file/,
    (_, [, file]) => ({
      message: `there is no key ${file}`,
      hint: 'correct identityFile of this host in the inventory',
    }),
  ],
  [
    /Too many authentication failures/,
    () => ({
      message: 'your agent offered more keys than sshd accepts',
      hint: 'set identityFile of this host in the inventory: only that key is offered then',
    }),
  ],
  [
    /(\S+)@(\S+): Permission denied \(([^)]*)\)/,
    ({ identityFile }, [, user, where, methods]) => ({
      message: `${where} does not let ${user} in with ${identityFile ?? 'the keys of your agent and ssh configuration'} (it accepts: ${methods})`,
      hint: `check the user and the key, and ~${user}/.ssh/authorized_keys there`,
      askable: true,
    }),
  ],
  [
    /Bad configuration option|terminating, \d+ bad configuration|Bad owner or permissions on|keyword .* extra arguments|unsupported option/i,
    () => ({ message: 'ssh refuses a line of your configuration', hint: 'mend it: it stops a plain ssh as well' }),
  ],
  [
    /Unable to negotiate .*: (no matching .+?)(?: found)?\. Their offer/,
    (_, [, what]) => ({
      message: `ssh and sshd have ${what} in common`,
      hint: 'bring the older of the two up to date',
    }),
  ],
  [
    /kex_exchange_identification|ssh_exchange_identification|Connection (?:closed|reset) by|Not allowed at this time/,
    ({ address }) => ({
      message: `${address} closed the connection before we were in`,
      hint: 'is sshd overloaded, does fail2ban or AllowUsers keep you out, does the jump host work?',
    }),
  ],
]

function changedKey({ name, address, pinned }: Peer, found: RegExpExecArray): Verdict {
  const shown = /fingerprint for the (\S+) key sent by the remote host is\s+(\S+)/.exec(found.input)
  const detail = shown ? { detail: `it shows the ${shown[1]} key ${shown[2]?.replace(/\.$/, '')}` } : {}
  const place = /Offending \S+ key in (\S+):(\d+)/.exec(found.input)
  const remedy = place ? `delete line ${place[2]} of ${place[1]}` : `run ssh-keygen -R ${address}`
  return {
    message: `the host key of ${address} is not the one that is known: was the machine made anew, or is somebody in between?`,
    hint: `compare it with the machine's own; if it is right, ${pinned ? `correct hostKeys of ${name} in the inventory` : remedy}`,
    ...detail,
  }
}

function unknownKey(peer: Peer, found: RegExpExecArray): Verdict {
  // Keys are pinned, but not of the type that the host showed: for trust that is another host.
  if (peer.pinned) return changedKey(peer, found)
  return {
    message: `the host key of ${peer.address} is not known yet`,
    hint: 'run it in a terminal to see and accept it, put it into hostKeys of the inventory, or pass --accept-new-host-keys',
    askable: true,
  }
}
