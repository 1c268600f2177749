import { command, defineRole, directory, file, mount, packages, type Resource, template, z } from '../../core/index.ts'
import { bareIsSealed, blankOnly } from './device.ts'
import { storageHealth } from './health.ts'

const VOLUMES = '/var/lib/nomad-volumes'

const volume = z.strictObject({
  device: z
    .string()
    .regex(/^\/dev\/disk\/by-[a-z]+\/[A-Za-z0-9._:+-]+$/, 'must be a name that stays, below /dev/disk/by-id/')
    .optional(),
  fsType: z.enum(['ext4', 'xfs']).default('ext4'),
  path: z
    .string()
    .regex(/^(\/[A-Za-z0-9_][A-Za-z0-9._-]*)+$/, 'must be an absolute path of letters, digits, ., _ and -')
    .optional(),
  owner: z.int().min(0).default(1000),
  group: z.int().min(0).default(1000),
  mode: z
    .string()
    .regex(/^0[0-7]{3}$/, 'must be octal text such as "0750"')
    .default('0750'),
})

export const StorageVars = z.strictObject({
  volumes: z
    .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/, 'must be a name of letters, digits and -'), volume)
    .prefault({ 'crate-data': {} })
    .meta({
      description:
        'Volumes by name, each of `device` (below /dev/disk/by-id/; default: a directory of the root disk), `fsType` (ext4), `path` (/var/lib/nomad-volumes/NAME), `owner` and `group` (1000), `mode` (0750)',
    }),
})

type Volume = Readonly<{ name: string } & z.infer<typeof volume>>

/**
 * Where stateful jobs keep their data: on each host with a slot a host volume `NAME[slot]`, which a job with `per_alloc`
 * asks for, so that an allocation and its data stay together. Source: https://developer.hashicorp.com/nomad/docs/
 * configuration/client#host_volume-block and …/job-specification/volume#per_alloc
 */
export default defineRole(
  'storage',
  StorageVars,
  ({ host, vars }) => {
    if (host.slot === undefined) return []
    const volumes = Object.entries(vars.volumes).map(([name, rest]) => ({ name, ...rest }))
    const offered = volumes.map((one) => ({ name: `${one.name}[${host.slot}]`, path: dataOf(one) }))
    return [
      directory(VOLUMES, {}),
      ...volumes.flatMap(prepared),
      // as the role nomad has it; its service restarts on this file
      directory('/etc/nomad.d', { mode: '0750' }),
      file('/etc/nomad.d/storage.hcl', {
        content: template('storage/storage.hcl.ejs', { volumes: offered }),
        mode: '0640',
      }),
    ]
  },
  {
    health: ({ host, vars }) =>
      storageHealth(
        host.slot === undefined ? [] : Object.entries(vars.volumes).map(([name, one]) => dataOf({ name, ...one })),
      ),
  },
)

const placeOf = ({ name, path }: Volume): string => path ?? `${VOLUMES}/${name}`

/** On a device the data is below the mount point: where nothing is mounted, that directory does not exist. */
const dataOf = (volume: Volume): string => (volume.device === undefined ? placeOf(volume) : `${placeOf(volume)}/data`)

const prepared = (volume: Volume): readonly Resource[] => {
  const data = directory(dataOf(volume), {
    owner: `${volume.owner}`,
    group: `${volume.group}`,
    mode: volume.mode,
    parents: true,
  })
  const { device, fsType } = volume
  if (device === undefined) return [data]
  const place = placeOf(volume)
  return [
    ...packages(fsType === 'xfs' ? ['xfsprogs'] : []),
    command(`file system of ${device}`, blankOnly(device, fsType)),
    command(`${place} takes no data while nothing is mounted`, bareIsSealed(place)),
    mount(place, {
      source: device,
      fsType,
      // Source: systemd.mount(5): without nofail a volume that is gone would keep the host from booting
      options: ['discard', 'nofail', 'x-systemd.before=nomad.service'],
      pass: fsType === 'ext4' ? 2 : 0,
    }),
    data,
  ]
}
