#!/usr/bin/env zx
// Writes what is made from the schemas: inventory.schema.json for editors, and the vars tables of docs/roles.
// `--check` only compares.
import '../core/start.mjs'

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const { inventoryJsonSchema } = await import('../core/declare/inventory-json-schema.ts')
const { withVarsTable } = await import('../core/declare/vars-table.ts')

const url = (/** @type {string} */ path) => new URL(`../${path}`, import.meta.url)
const read = (/** @type {string} */ path) => readFileSync(url(path), 'utf8')

const names = readdirSync(url('roles/')).sort()
const roles = await Promise.all(names.map(async (name) => (await import(`../roles/${name}/index.ts`)).default))
const pages = roles.map((role) => [
  `docs/roles/${role.name}.md`,
  withVarsTable(read(`docs/roles/${role.name}.md`), role),
])
const made = [['inventory.schema.json', `${JSON.stringify(inventoryJsonSchema(roles), null, 2)}\n`], ...pages]

for (const [path = '', text = ''] of made) {
  if (!process.argv.includes('--check')) writeFileSync(url(path), text)
  else if (read(path) !== text) {
    console.error(`${path} is older than the schemas: npm run schema`)
    process.exitCode = 1
  }
}
