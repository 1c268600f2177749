import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'

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
  const problems = document.errors.map((error) => `${at(error.pos[0])}: ${error.message}`)
  if (problems.length === 0) problems.push(...strangeKeys(document).map(([offset, what]) => `${at(offset)}: ${what}`))
  const value = problems.length === 0 ? toValue(document) : undefined
  if (value instanceof Error) problems.push(`${at(0)}: ${value.message}`)
  return {
    value,
    placeOf: (path) => at(offsetOf(document, path)),
    placeOfKey: (path) => at(keyOffset(document, path) ?? offsetOf(document, path)),
    problems,
  }
}

// An alias bomb makes toJS throw.
const toValue = (document: Document): unknown => {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** Keys that JavaScript has no place for. A map as a key becomes its own text, which doubles with each level. */
const strangeKeys = (document: Document): (readonly [offset: number, what: string])[] => {
  const found: (readonly [number, string])[] = []
  const left: unknown[] = [document.contents]
  while (left.length > 0) {
    const node = left.pop()
    if (isSeq(node)) for (const item of node.items) left.push(item)
    if (!isMap(node)) continue
    for (const { key, value } of node.items) {
      const offset = isNode(key) ? (key.range?.[0] ?? 0) : 0
      if (!isScalar(key) || key.value instanceof Object) found.push([offset, 'a key must be a plain text'])
      else if (key.value === '__proto__') found.push([offset, 'nothing can be called __proto__'])
      left.push(value)
    }
  }
  return found.sort(([one], [other]) => one - other)
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
