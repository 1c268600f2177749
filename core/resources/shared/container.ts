import { quote } from '../../remote/shell.ts'

/**
 * A function of `sh`: `inside PROGRAM …` runs a program of the host in the network of the first container of a task of
 * Nomad here, so that loopback is the container's. Status 3 where there is none, 127 without Docker.
 * What a call outside of a subshell has found in `task_pid` is not looked for again.
 * Source: Nomad's docker driver names a container TASK-ALLOCATION and labels it so; nsenter(1)
 */
export const insideTask = (task: string): string => `
task_pid=
inside() {
  command -v docker >/dev/null || return 127
  [ -n "$task_pid" ] || task_pid=$(timeout 10 docker ps -q --filter label=com.hashicorp.nomad.alloc_id --filter ${quote(`name=^/?${task}-[0-9a-f-]{36}$`)} |
    head -n 1 | xargs -r timeout 10 docker inspect -f '{{.State.Pid}}')
  [ "\${task_pid:-0}" -gt 0 ] || return 3
  nsenter -t "$task_pid" -n -- "$@"
}`
