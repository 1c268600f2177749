import { readFileSync, readlinkSync } from 'node:fs'

/**
 * The number of a process, and when it started in clock ticks since boot; undefined: it is gone, or a zombie.
 * Source: proc_pid_stat(5), field 22
 */
export const processStat = (
  pid: number | 'self',
): Readonly<{ pid: string; started: string | undefined }> | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // the program's name stands in parentheses and may hold anything
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : { pid: stat.slice(0, stat.indexOf(' ')), started: fields[19] }
  } catch {
    return undefined
  }
}

/**
 * A process of this computer under a name that no other process ever has, since it tells the boot, the namespace of
 * process numbers, the number and the start; undefined: there is no such process, or the system does not say (it is
 * not Linux). Source: pid_namespaces(7); random(4), boot_id.
 */
export const processName = (pid: number | 'self' = 'self'): string | undefined => {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    const space = readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '')
    const stat = processStat(pid)
    return stat === undefined ? undefined : [boot, space, stat.pid, stat.started].join(':')
  } catch {
    return undefined
  }
}

/** Whether a process was one of this computer's and has ended; false wherever that cannot be told. */
export const hasEnded = (name: string): boolean => {
  const own = processName()?.split(':')
  const [boot, space, pid = '', started] = name.split(':')
  if (own === undefined || boot !== own[0] || space !== own[1] || !/^\d+$/.test(pid) || started === undefined)
    return false
  return processName(Number(pid)) !== name
}
