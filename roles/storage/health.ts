import type { HealthCheck } from '../../core/index.ts'

/** Whether the directories are there; on a device they are only where it is mounted. */
export const storageHealth = (paths: readonly string[]): readonly HealthCheck[] =>
  paths.map((path) => ({
    name: `volume ${path}`,
    ask: `[ -d '${path}' ] && df -h --output=avail -- '${path}' | tail -n 1`,
    expect: 'the space that is left',
    judge: (answer, status) => status === 0 && /^\d/.test(answer.trim()),
  }))
