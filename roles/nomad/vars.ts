import { z } from '../../core/index.ts'

const duration = z.string().regex(/^\d+(s|m|h)$/, 'must be a duration such as 60s')
const image = z.string().regex(/^[a-z0-9][\w.:/@-]*$/, 'must be an image such as registry.k8s.io/pause:3.9')
const name = z.string().regex(/^[A-Za-z0-9.-]+$/, 'must be a DNS name')

const hostVolume = z.strictObject({
  path: z.string().regex(/^\/[^\p{Cc}]+$/u, 'must be an absolute path'),
  readOnly: z.boolean().default(false),
  owner: z.string().default('root'),
  group: z.string().default('root'),
  mode: z
    .string()
    .regex(/^0[0-7]{3}$/, "must be octal such as '0750'")
    .default('0755'),
})

export const NomadVars = z.strictObject({
  version: z
    .string()
    .regex(/^\d+\.\d+\.\d+$/, 'must be a version such as 1.10.5')
    .optional()
    .meta({ description: 'Version of Nomad. Default: that of the set of versions' }),
  client: z
    .boolean()
    .default(true)
    .meta({ description: 'Whether jobs run on the host; servers are clients too unless this is off' }),
  region: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/, 'must be a DNS label')
    .default('global')
    .meta({ description: 'The region, a part of the names in certificates' }),
  heartbeatGrace: duration
    .default('60s')
    .meta({ description: 'How long a node may be silent beyond its heartbeat; an agent restarts within it' }),
  maxKillTimeout: duration.default('10m').meta({ description: 'The longest kill_timeout that a job may ask for' }),
  reserved: z
    .strictObject({ cpu: z.int().min(0), memory: z.int().min(0), disk: z.int().min(0) })
    .default({ cpu: 500, memory: 1024, disk: 10240 })
    .meta({ description: 'What jobs do not get of the host: MHz, MiB, MiB' }),
  infraImage: image
    .default('registry.k8s.io/pause:3.9')
    .meta({ description: 'The image that holds the network of a bridge-mode allocation' }),
  dockerVolumes: z
    .boolean()
    .default(false)
    .meta({ description: 'Whether jobs may mount any path of the host into a container' }),
  hostVolumes: z
    .record(z.string().regex(/^[\w-]+(\[(\d+|slot)\])?$/, 'must be a name such as data or data[slot]'), hostVolume)
    .default({})
    .meta({
      description:
        "Volumes of the host by name; [slot] stands for the host's slot. Each { path, readOnly, owner, group, mode }",
    }),
  logLevel: z.enum(['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR']).default('INFO').meta({ description: 'Of the agent' }),
  settings: z
    .record(z.string(), z.unknown())
    .default({})
    .meta({ description: 'Further keys of the agent’s configuration; they win over ours' }),
  checkImage: image
    .default('busybox:1.36')
    .meta({ description: 'An image with sh and nslookup, for status.mjs --deep' }),
  publicName: name
    .default('example.com')
    .meta({ description: 'A public name that status.mjs --deep resolves in a container' }),
})

export type NomadVars = z.infer<typeof NomadVars>
