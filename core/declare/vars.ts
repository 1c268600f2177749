import type { InventoryFile } from './inventory-schema.ts'
import type { YamlPath } from './yaml-places.ts'

/** Settings per role. */
export type RoleVars = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** `--vars role.key=value` */
export type VarOverride = Readonly<{ role: string; key: string; value: unknown }>

/** Vars that were written at one place of the inventory; without a path they came from the command line. */
export type Layer = Readonly<{ path: YamlPath | undefined; vars: RoleVars }>

/** All vars that apply to a host, the weakest first: all < group < host < command line. */
export const layersOf = (host: string, data: InventoryFile, overrides: readonly VarOverride[]): readonly Layer[] => {
  const groups = Object.entries(data.groups).flatMap(([name, group]) =>
    !Array.isArray(group) && group.vars !== undefined && group.hosts.includes(host)
      ? [{ path: ['groups', name, 'vars'], vars: group.vars }]
      : [],
  )
  const own = data.hosts[host]?.vars
  return [
    { path: ['vars'], vars: data.vars },
    ...groups,
    ...(own === undefined ? [] : [{ path: ['hosts', host, 'vars'], vars: own }]),
    ...overrides.map(({ role, key, value }) => ({ path: undefined, vars: { [role]: { [key]: value } } })),
  ]
}

/** The vars of all layers, a later one winning per role and key, and which layer a key came from. */
export const mergeLayers = (
  layers: readonly Layer[],
): { vars: RoleVars; origin: (role: string, key: string) => Layer | undefined } => {
  const roles = new Set(layers.flatMap(({ vars }) => Object.keys(vars)))
  const merged = [...roles].map((role) => [role, Object.assign({}, ...layers.map(({ vars }) => vars[role]))])
  return {
    vars: Object.fromEntries(merged),
    origin: (role, key) =>
      layers.findLast(({ vars }) => vars[role] !== undefined && Object.hasOwn(vars[role], key)) ?? layers[0],
  }
}
