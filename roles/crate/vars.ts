import { z } from '../../core/index.ts'

const serviceName = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be a DNS label')
const size = z.string().regex(/^[1-9]\d{0,5}[mg]$/, 'must be a size such as 512m or 2g')

export const CrateVars = z
  .strictObject({
    nodes: z.int().min(1).max(99).default(3).meta({ description: 'How many; node N is on the host with slot N' }),
    image: z
      .string()
      .regex(/^[a-z0-9][\w./:@-]*$/, 'must be the name of an image')
      .default('crate:5.10.16')
      .meta({ description: 'The image of CrateDB, with its version' }),
    heap: size.default('1g').meta({ description: 'Of the Java heap; a quarter to a half of the memory is good' }),
    memory: z.int().min(64).default(4096).meta({ description: 'MiB that a node may use in all' }),
    cpu: z.int().min(1).default(2000).meta({ description: 'MHz that a node is given at least' }),
    clusterName: z
      .string()
      .regex(/^[A-Za-z0-9._-]+$/, 'must be letters, digits, ., _ and -')
      .default('crate')
      .meta({ description: 'cluster.name; nodes of another cluster are refused' }),
    discoService: serviceName
      .default('crate-disco')
      .meta({ description: 'The service by which nodes find each other' }),
    httpService: serviceName.default('crate-http').meta({ description: 'The service of HTTP, port 4200' }),
    pgService: serviceName.default('crate-pg').meta({ description: 'The service of PostgreSQL, port 5432' }),
    authentication: z
      .enum(['password', 'none'])
      .default('password')
      .meta({ description: 'none: whoever reaches a port is the superuser' }),
    adminUser: z
      .string()
      .regex(/^(?!crate$)[a-z_][a-z0-9_]{0,62}$/, 'must be small letters, digits and _, and not crate')
      .default('admin')
      .meta({ description: 'The user with all privileges; its password is the secret crate-admin-password' }),
    settings: z
      .record(
        z.string().regex(/^[a-z][\w.]*$/, 'must be the name of a setting'),
        z.union([z.string(), z.number(), z.boolean()]),
      )
      .default({})
      .meta({ description: 'Further settings of CrateDB; they win over ours' }),
    volume: z
      .string()
      .default('crate-data')
      .meta({ description: 'The volume of the role storage that holds the data' }),
    ulimits: z
      .partialRecord(z.enum(['nofile', 'nproc', 'memlock']), z.string().regex(/^-?\d+(:-?\d+)?$/, 'must be SOFT:HARD'))
      .default({ nofile: '262144:262144', nproc: '8192:8192', memlock: '-1:-1' })
      .meta({ description: 'Limits of the container; CrateDB does not start with less than 65536 open files' }),
    trace: z.boolean().default(false).meta({ description: 'Log how nodes find each other' }),
    shutdownDelay: z
      .int()
      .min(0)
      .max(600)
      .default(10)
      .meta({ description: 'Seconds between leaving Consul and stopping, in which no new requests come' }),
    minHealthyTime: z
      .int()
      .min(1)
      .max(600)
      .default(30)
      .meta({ description: 'Seconds that a node must be well before the next one is taken' }),
    healthyDeadline: z
      .int()
      .min(10)
      .max(1080)
      .default(900)
      .meta({ description: 'Seconds in which a node must get well' }),
    attempt: z
      .int()
      .min(0)
      .default(0)
      .meta({ description: 'Raise it to have a deployment that failed tried once more' }),
  })
  .superRefine(({ heap, memory }, { addIssue }) => {
    if (mib(heap) > memory * 0.75)
      addIssue({
        code: 'custom',
        path: ['heap'],
        message: `must leave a quarter of the memory (${memory} MiB) to what is not heap: ${Math.floor(memory * 0.75)}m at most`,
      })
  })

export type CrateSettings = z.infer<typeof CrateVars>

const mib = (text: string): number => Number.parseInt(text, 10) * (text.endsWith('g') ? 1024 : 1)
