import type { Host, SshSettings } from '../../core/declare/host.ts'

/** A host as the inventory gives it, with what a test cares about. */
export const host = (name: string, address: string, ssh: Partial<SshSettings> = {}): Host => ({
  name,
  address,
  privateIp: '10.33.0.2',
  slot: 0,
  groups: [],
  vars: {},
  ssh: {
    user: undefined,
    port: undefined,
    identityFile: undefined,
    hostKeys: [],
    sudoPasswordFile: undefined,
    ...ssh,
  },
})
