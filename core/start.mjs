// Playbooks import this first, statically: on an older Node the TypeScript behind them could not even be read.
import module from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(
    `Caravan needs Node 22.19 or newer, and this is ${process.versions.node}: start playbooks by npx, after npm ci (npx zx playbooks/site.mjs)`,
  )
  // nothing has begun yet, and the imports that follow could only fail
  process.exit(1)
}

// what was stripped and compiled once is read from there: it halves the time until the first line
module.enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'caravan', 'node'))
