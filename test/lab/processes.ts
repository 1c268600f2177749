import { readdirSync, readFileSync } from 'node:fs'

/**
 * Collects what anybody may read of processes while they run: command lines and environments, here and on the lab's
 * machines, which share this computer's kernel. A process that lives for less than 100 ms may be missed.
 * Returns the function that ends it and gives all texts that were seen.
 */
export const watchProcesses = (): (() => readonly string[]) => {
  const seen = new Set<string>()
  const timer = setInterval(() => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      for (const file of ['cmdline', 'environ']) seen.add(textOf(`/proc/${pid}/${file}`))
  }, 100)
  return () => {
    clearInterval(timer)
    return [...seen]
  }
}

// it may end at any time
const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'latin1').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
