import { readFileSync } from 'node:fs'

/** Seconds of CPU, and MiB of memory at the most, of a process without its children. */
export type Usage = Readonly<{ cpu: number; mib: number }>

/** For NODE_OPTIONS: a Node that writes what it used into a file as it ends. */
export const metered = (file: string): string =>
  `--import=data:text/javascript,${encodeURIComponent(
    `import { writeFileSync } from 'node:fs'; process.on('exit', () => writeFileSync(${JSON.stringify(file)}, JSON.stringify(process.resourceUsage())))`,
  )}`

/** What a metered process wrote. */
export const usageIn = (file: string): Usage => {
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(readFileSync(file, 'utf8'))
  return { cpu: (userCPUTime + systemCPUTime) / 1e6, mib: maxRSS / 1024 }
}
