import { z } from '../../core/index.ts'

const duration = z.string().regex(/^[1-9]\d{0,5}(ms|s|m|h)$/, 'must be a duration such as 60s')
const serviceName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be the name of a service in Consul, such as crate-http')
const version = z.string().regex(/^\d+\.\d+\.\d+$/, 'must be a version such as 2.9.27')

/** `*`, an IPv4 address, or an IPv6 address in brackets; a port; then options of HAProxy's `bind`. */
const bind = z
  .string()
  .regex(
    /^(\*|\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):([1-9]\d{0,4})( \S+)*$/,
    'must be an address and a port such as 10.33.0.2:4200 or *:4200, and maybe options such as ssl crt /etc/haproxy/site.pem',
  )

const aptSource = z.strictObject({
  uri: z.url({ protocol: /^https?$/ }),
  suite: z.string().min(1),
  components: z.array(z.string()).default(['main']),
  /** A file of this project. */
  key: z.string().min(1),
  fingerprint: z.string().min(40),
})

export const HaproxyVars = z.strictObject({
  aptSource: aptSource.optional().meta({
    description:
      'A repository that has another HAProxy than the distribution: { uri, suite, components, key, fingerprint }, where key is a file with the key that signs it',
  }),
  version: z.string().optional().meta({ description: 'The exact version of the package. Default: any' }),
  httpService: serviceName
    .optional()
    .meta({ description: 'The service in Consul that speaks HTTP. Default: what the role crate calls it, crate-http' }),
  pgService: serviceName.optional().meta({
    description: 'The service in Consul that speaks the protocol of PostgreSQL. Default: as above, crate-pg',
  }),
  httpBind: z.array(bind).optional().meta({
    description: 'Where HTTP is served: addresses with ports, and options. Default: port 4200 of the private address',
  }),
  pgBind: z.array(bind).optional().meta({
    description:
      'Where PostgreSQL is served. Default: port 5432 of the private address; of all addresses with expose: management',
  }),
  slots: z
    .int()
    .min(1)
    .max(200)
    .default(10)
    .meta({ description: 'How many instances of a service there can be; at least the nodes of CrateDB' }),
  retries: z
    .int()
    .min(0)
    .max(20)
    .default(3)
    .meta({ description: 'How often another instance is tried when one cannot be reached' }),
  httpTimeout: duration.default('5m').meta({ description: 'How long a query over HTTP may take' }),
  pgTimeout: duration.default('1h').meta({ description: 'How long a connection of PostgreSQL may be silent' }),
  log: z.boolean().default(false).meta({ description: 'Whether each request is logged, to the journal' }),
  extra: z.string().default('').meta({
    description:
      'Further lines of haproxy.cfg under the heads of their sections; those of a section that there is already are added to it',
  }),
  foreign: z.enum(['keep', 'replace']).default('keep').meta({
    description: 'What becomes of what others changed in haproxy.cfg: it is kept, or ours takes its place',
  }),
  dataplaneapi: z.boolean().default(true).meta({ description: 'Whether the Data Plane API runs beside HAProxy' }),
  dataplaneapiVersion: version
    .optional()
    .meta({ description: 'Version of the Data Plane API. Default: that of the set of versions' }),
  user: z
    .string()
    .regex(/^[A-Za-z0-9._-]+$/, 'must be letters, digits, ".", "_" and "-"')
    .default('admin')
    .meta({ description: 'Who may use the Data Plane API, and the page of statistics from elsewhere' }),
})

export type HaproxyVars = z.infer<typeof HaproxyVars>
