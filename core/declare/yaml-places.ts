import { type Document, isMap, isNode, LineCounter, parseDocument } from 'yaml'

/** A place in a YAML file: keys and list indices from the top. */
export type YamlPath = readonly (string | number)[]

/** A YAML file whose values know where they stand. */
export type PlacedYaml = Readonly<{
  value: unknown
  /** `file:line:column` of the value at this path, or of the deepest part of the path that exists. */
  placeOf: (path: YamlPath) => string
  /** `file:line:column` of the key itself. */
  placeOfKey: (path: YamlPath) => string
  /** What keeps the file from being read, each with its place; empty when it could be read. */
  problems: readonly string[]
}>

/** Reads YAML 1.2 with positions. Never throws: what is wrong is in `problems`. */
export const parsePlacedYaml = (text: string, file: string): PlacedYaml => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`
  }
  const placeOf = (path: YamlPath): string => at(offsetOf(document, path))
  return {
    value: document.errors.length > 0 ? undefined : toValue(document),
    placeOf,
    placeOfKey: (path) => at(keyOffset(document, path) ?? offsetOf(document, path)),
    problems: document.errors.map((error) => `${at(error.pos[0])}: ${error.message}`),
  }
}

// An alias bomb makes toJS throw; the schema then reports that the file is no map.
const toValue = (document: Document): unknown => {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch {
    return undefined
  }
}

const offsetOf = (document: Document, path: YamlPath): number => {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : getNode(document, path.slice(0, length))
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}

const getNode = (document: Document, path: YamlPath): unknown => {
  try {
    return document.getIn(path, true)
  } catch {
    return undefined
  }
}

const keyOffset = (document: Document, path: YamlPath): number | undefined => {
  const parent = path.length === 1 ? document.contents : getNode(document, path.slice(0, -1))
  if (!isMap(parent)) return undefined
  const pair = parent.items.find((item) => String(item.key) === String(path.at(-1)))
  return isNode(pair?.key) ? pair.key.range?.[0] : undefined
}
