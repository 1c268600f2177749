import type { HealthCheck } from '../../core/index.ts'

/** Source: docker-info(1). */
export const dockerHealth: readonly HealthCheck[] = [
  {
    name: 'answers',
    ask: "systemctl -q is-active docker.service && docker info -f '{{.ServerVersion}}'",
    expect: 'its version',
    judge: (answer, status) => status === 0 && /^\d+\.\d+/.test(answer),
  },
  {
    name: 'live-restore',
    ask: "docker info -f '{{.LiveRestoreEnabled}}'",
    expect: 'true: a restart of docker leaves containers alone',
    judge: (answer) => answer === 'true',
  },
]
