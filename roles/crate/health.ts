import { type HealthCheck, insideTask, type Secrets, withApi } from '../../core/index.ts'
import { apiOf } from './api.ts'

/** Source: CrateDB reference, "System information": sys.nodes, sys.health, sys.node_checks, sys.cluster. */
export const crateHealth = (task: string, nodes: number, secrets: Secrets): readonly HealthCheck[] => [
  {
    name: 'one node runs here',
    ask: `docker ps -q --filter label=com.hashicorp.nomad.alloc_id --filter name='^/?${task}-[0-9a-f-]{36}$' | wc -l`,
    expect: '1 container',
    judge: (answer) => answer === '1',
  },
  {
    // no two of them on one host, by the job
    name: 'all nodes run',
    ask: withApi(
      'how many nodes run',
      apiOf(secrets),
      // of its groups: what stands beside them counts children, which it has none of
      `api /v1/job/crate/summary | grep -oE '"Summary":\\{.*' | grep -oE '"Running":[0-9]+' | head -n 1 | cut -d : -f 2`,
    ),
    expect: `${nodes} allocations`,
    judge: (answer) => answer === `${nodes}`,
  },
  {
    name: 'answers by the address that others use',
    // Nomad tells the task where its port is on the host
    ask: `${insideTask(task)}
inside true || exit
address=$(tr '\\0' '\\n' <"/proc/$task_pid/environ" | sed -n 's/^NOMAD_ADDR_http=//p')
curl -sS -m 8 -o /dev/null -w '%{http_code}' "http://$address/"`,
    expect: '200, or 401 where a password is asked for',
    judge: (answer) => answer === '200' || answer === '401',
  },
  ...saysOfItself(task, nodes),
]

/** What the node here answers by SQL. */
const saysOfItself = (task: string, nodes: number): readonly HealthCheck[] => [
  {
    name: 'sees all nodes',
    ask: sql(task, 'SELECT count(*) FROM sys.nodes'),
    expect: `${nodes} nodes`,
    judge: (answer) => answer === `${nodes}`,
  },
  {
    name: 'health of tables',
    ask: sql(task, 'SELECT count(*) FROM sys.health WHERE health <> ?', 'GREEN'),
    expect: 'none that is not GREEN',
    judge: (answer) => answer === '0',
  },
  {
    name: 'checks of nodes',
    ask: sql(task, 'SELECT count(*) FROM sys.node_checks WHERE passed = false AND acknowledged = false'),
    expect: 'none that failed',
    judge: (answer) => answer === '0',
  },
  {
    name: 'master',
    ask: sql(task, 'SELECT master_node FROM sys.cluster'),
    expect: 'the same on all hosts',
    judge: (answer) => /^"[\w-]+"$/.test(answer),
    same: true,
  },
]

/** The first value of the answer, or all of an answer that is none. */
const sql = (task: string, stmt: string, ...args: readonly string[]): string =>
  `${insideTask(task)}
inside curl -sS -m 8 -H 'Content-Type: application/json' -d '${JSON.stringify({ stmt, args })}' http://127.0.0.1:4200/_sql | sed 's/.*"rows":\\[\\[\\(.*\\)\\]\\].*/\\1/'`
