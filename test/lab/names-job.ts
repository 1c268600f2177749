import { REGISTRY } from '../../lab/mirror/registry.ts'
import { askNomad, bodyOf, eventually } from './cluster.ts'
import { NODES } from './machines.ts'

const JOB = 'names'

/** A container on every node, in bridge mode and with the `dns` block of our jobs, that only stays. */
export const namesJob = {
  ID: JOB,
  Name: JOB,
  Type: 'service',
  Datacenters: ['dc1'],
  Constraints: [{ Operand: 'distinct_hosts', RTarget: 'true' }],
  TaskGroups: [
    {
      Name: JOB,
      Count: NODES.length,
      Networks: [
        {
          Mode: 'bridge',
          // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own
          DNS: { Servers: ['${attr.unique.network.ip-address}'] },
          DynamicPorts: [{ Label: 'web', To: 8080 }],
        },
      ],
      Services: [{ Name: JOB, PortLabel: 'web', Provider: 'consul' }],
      Tasks: [
        {
          Name: 'stays',
          Driver: 'docker',
          Config: {
            image: `${REGISTRY}/busybox:lab`,
            command: 'httpd',
            args: ['-f', '-p', '8080', '-h', '/etc'],
            ports: ['web'],
          },
          Resources: { CPU: 50, MemoryMB: 32 },
        },
      ],
    },
  ],
}

const container = `docker ps -q --filter name=^stays-`

/** Runs the job and waits until it has a container on every node. */
export const runJob = async (token: string): Promise<void> => {
  bodyOf(await askNomad('node-1', token, '/v1/jobs', `-X PUT -d '${JSON.stringify({ Job: namesJob })}'`))
  await Promise.all(NODES.map((name) => eventually(name, `[ -n "$(${container})" ]`, 120)))
}

export const removeJob = async (token: string): Promise<void> => {
  await askNomad('node-1', token, `/v1/job/${JOB}?purge=true`, '-X DELETE')
}

/** A script that looks up a name inside of the container of its node. */
export const lookUpInside = (name: string): string => `docker exec "$(${container})" nslookup -type=a ${name}`

/**
 * A script that asks the job's service at each address and dynamic port that Consul names, and prints how many answer;
 * it fails until that is one on every node.
 */
export const askService = `count=0
for target in $(dig +short @127.0.0.1 -p 8600 ${JOB}.service.consul SRV | awk '{ print $4 ":" $3 }'); do
  address=$(dig +short @127.0.0.1 -p 8600 "\${target%%:*}")
  case $address in 10.33.*) ;; *) echo "a port on $address"; exit 0 ;; esac
  curl -sf -m 5 -o /dev/null "http://$address:\${target#*:}/hostname" && count=$((count + 1))
done
echo $count
[ $count = ${NODES.length} ]`
