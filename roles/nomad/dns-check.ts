import { type HealthCheck, type HealthInput, serversOf } from '../../core/index.ts'
import { managerScript } from './api.ts'
import type { NomadVars } from './vars.ts'

type Input = HealthInput<NomadVars>

const CONSUL = 'consul.service.consul'
const END = 'end of the first'

/** Whether names resolve where it matters: in a container of a bridge-mode job with the `dns` block of our jobs. */
export const dnsInContainer = (input: Input): HealthCheck => {
  const { hosts, vars } = input
  const servers = serversOf(hosts).map(({ privateIp }) => privateIp)
  return {
    name: 'names in a container',
    deep: true,
    within: 90,
    ask: managerScript('a job that resolves names', input.secrets, script(input)),
    expect: `${CONSUL} is an address of ${servers.join(', ')}; ${vars.publicName} has an address`,
    judge: (answer) => {
      const [own = [], other = []] = answer.split(END).map(addressesIn)
      return own.length > 0 && own.every((one) => servers.includes(one)) && other.length > 0
    },
  }
}

/** The addresses that nslookup found. What stands before the first name is the server that it asked. */
const addressesIn = (text: string): readonly string[] => {
  const name = text.search(/^Name:/m)
  const found = name < 0 ? [] : text.slice(name).matchAll(/^Address[^:]*:\s*(\d+\.\d+\.\d+\.\d+)/gm)
  return [...found].flatMap(([, address]) => address ?? [])
}

const script = (input: Input): string => {
  const job = jobOf(input)
  return `
forget() { api '/v1/job/${job.ID}?purge=true' --request DELETE >/dev/null; }
api /v1/jobs --data-binary '${JSON.stringify({ Job: job })}' >/dev/null || exit 1
tries=0
until allocs=$(api '/v1/job/${job.ID}/allocations') && printf %s "$allocs" | grep -qE '"ClientStatus":"(complete|failed|lost)"'; do
  tries=$((tries + 1))
  [ $tries -lt 70 ] || { echo 'the job did not end within 70 s'; printf %s "$allocs" | grep -oE '"DisplayMessage":"[^"]*"'; forget; exit 1; }
  sleep 1
done
id=$(printf %s "$allocs" | grep -oE '"ID":"[0-9a-f-]{36}"' | head -n 1 | cut -d '"' -f 4)
# what a task printed may be written down a moment after it has ended
until said=$(api "/v1/client/fs/logs/$id?task=check&type=stdout&plain=true") && [ -n "$said" ] || [ $tries -ge 75 ]; do
  tries=$((tries + 1))
  sleep 1
done
if [ -n "$said" ]; then printf '%s\\n' "$said"; else printf %s "$allocs" | grep -oE '"DisplayMessage":"[^"]*"'; fi
forget`
}

/** Source: Nomad's "JSON job specification". Names and images hold no quote: see the schemas of inventory and vars. */
const jobOf = ({ host, cluster, vars }: Input) => ({
  ID: `caravan-check-${host.name}`,
  Name: `caravan-check-${host.name}`,
  Type: 'batch',
  Region: vars.region,
  Datacenters: [cluster.datacenter],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own
  Constraints: [{ LTarget: '${node.unique.name}', RTarget: host.name, Operand: '=' }],
  TaskGroups: [
    {
      Name: 'check',
      Count: 1,
      RestartPolicy: { Attempts: 0, Mode: 'fail' },
      ReschedulePolicy: { Attempts: 0, Unlimited: false },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own
      Networks: [{ Mode: 'bridge', DNS: { Servers: ['${attr.unique.network.ip-address}'] } }],
      Tasks: [
        {
          Name: 'check',
          Driver: 'docker',
          Config: {
            image: vars.checkImage,
            command: 'sh',
            args: ['-c', `nslookup ${CONSUL}; echo ${END}; nslookup ${vars.publicName}; exit 0`],
          },
          Resources: { CPU: 50, MemoryMB: 32 },
        },
      ],
    },
  ],
})
