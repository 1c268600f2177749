import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Closes the shared connections of a fleet that was made with this `dir`; they would live on for 10 minutes. */
export const closeMasters = (dir: string): void => {
  for (const name of readdirSync(join(dir, 'ssh')).filter((one) => one.startsWith('config'))) {
    const config = join(dir, 'ssh', name)
    for (const [, address = ''] of readFileSync(config, 'utf8').matchAll(/^Host ([^*\n]+)$/gm)) {
      try {
        execFileSync('ssh', ['-F', config, '-O', 'exit', address], { stdio: 'ignore' })
      } catch {
        // None was open.
      }
    }
  }
}
