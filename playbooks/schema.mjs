#!/usr/bin/env zx
// Writes inventory.schema.json, which editors use to check and complete inventory.yaml. `--check`: only compares.
import '../core/start.mjs'

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const { inventoryJsonSchema } = await import('../core/declare/inventory-json-schema.ts')
const file = new URL('../inventory.schema.json', import.meta.url)
const names = readdirSync(new URL('../roles/', import.meta.url)).sort()
const roles = await Promise.all(names.map(async (name) => (await import(`../roles/${name}/index.ts`)).default))
const text = `${JSON.stringify(inventoryJsonSchema(roles), null, 2)}\n`

if (!process.argv.includes('--check')) writeFileSync(file, text)
else if (readFileSync(file, 'utf8') !== text) {
  console.error('inventory.schema.json is older than the schemas: npm run schema')
  process.exitCode = 1
}
