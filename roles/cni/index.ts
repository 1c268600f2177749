import { artifact, defineRole, directory, ready, z } from '../../core/index.ts'

export const CniVars = z.strictObject({
  version: z
    .string()
    .regex(/^\d+\.\d+\.\d+$/, 'must be a version such as 1.9.1')
    .optional()
    .meta({ description: 'Version of the CNI plugins. Default: that of the set of versions' }),
})

/** What a bridge-mode allocation needs. Source: Nomad's job endpoint hooks, implicit constraints on plugins.cni.version. */
const PLUGINS = ['loopback', 'bridge', 'host-local', 'firewall', 'portmap']

/** The plugins by which Nomad gives allocations their network. Source: https://www.cni.dev/plugins/current/ */
export default defineRole(
  'cni',
  CniVars,
  ({ releases }) => [
    directory('/opt/cni'),
    directory('/opt/cni/bin'),
    // own networks, each a .conflist; Nomad looks there at its start
    directory('/opt/cni/config'),
    artifact('cni-plugins', { ...releases('cni-plugins'), to: '/opt/cni/bin/' }),
    // without a version Nomad takes a plugin for missing, and places no allocation in bridge mode
    ready('the CNI plugins tell their versions', {
      check: `for plugin in ${PLUGINS.join(' ')}; do
  /opt/cni/bin/$plugin </dev/null 2>&1 | grep -Eq "^CNI $plugin plugin v?[0-9]" || { echo "$plugin tells no version"; exit 1; }
done`,
      within: '10s',
    }),
  ],
  { products: ({ version }) => ({ 'cni-plugins': version }) },
)
