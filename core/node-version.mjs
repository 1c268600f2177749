// Playbooks import this first, statically: on an older Node the TypeScript behind them could not even be read.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `Caravan needs Node 22.18 or newer, and this is ${process.versions.node}: start playbooks by npx, after npm ci (npx zx playbooks/site.mjs)`,
  )
  // nothing has begun yet, and the imports that follow could only fail
  process.exit(1)
}
