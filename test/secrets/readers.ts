/** Readers of the syntaxes, written from their documents and not from our writers: what a file says, or an error. */

const fail = (why: string): never => {
  throw new SyntaxError(why)
}

const SIMPLE: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' }

/** One quoted template of HCL 2 that is literal text. Source: hclsyntax/spec.md, "Template Literals". */
export const readHcl = (source: string): string => {
  if (!/^".*"$/s.test(source)) return fail('no string')
  let text = ''
  for (const [all, letter, short, long] of source
    .slice(1, -1)
    .matchAll(/\\(?:([nrt"\\])|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))|["\\\n\r]|[$%]\{|./gsu)) {
    const code = short ?? long
    if (letter === undefined && code === undefined && /^(["\\\n\r]|[$%]\{)$/.test(all)) fail(all)
    text += code === undefined ? (SIMPLE[letter ?? ''] ?? all) : String.fromCodePoint(Number.parseInt(code, 16))
  }
  return text
}

/** The words of one line. Source: HAProxy configuration manual 2.2 and 2.3. Expansion is an error. */
export const readHaproxy = (line: string): readonly string[] => {
  const words: string[] = []
  let [quote, word] = ['', undefined as string | undefined]
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string
    if (quote === "'" ? char === "'" : quote === '"' && char === '"') quote = ''
    else if (quote === '' && /["']/.test(char)) [quote, word] = [char, word ?? '']
    else if (quote !== "'" && char === '\\') word = (word ?? '') + (line[++at] ?? fail('a backslash at the end'))
    else if (quote === '"' && char === '$') fail('an expansion')
    else if (quote === '' && char === '#') break
    else if (quote === '' && /[ \t]/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + char
  }
  if (quote !== '') fail('open quotes')
  return word === undefined ? words : [...words, word]
}

/** The tokens of a Corefile. Source: coredns/caddy, caddyfile/lexer.go. What is expanded is an error. */
export const readCorefile = (source: string): readonly string[] => {
  const tokens = source.matchAll(/\s+|#[^\n]*|"((?:\\.|[^"\\])*)"|[^\s#"][^\s#]*/gsu)
  return [...tokens].flatMap(([all, quoted]) => {
    if (/^[\s#]/.test(all)) return []
    const token = quoted === undefined ? all : quoted.replaceAll('\\"', '"')
    return /\{[$%]/.test(token) ? fail('an expansion') : [token]
  })
}

/** The words of a setting of a unit. Source: systemd.syntax(7) "Quoting", systemd.service(5) "Command lines". */
export const readUnit = (line: string, dollars: boolean): readonly string[] => {
  const words = [...line.matchAll(/(?:[^ \t\n\r"'\\]|\\x[0-9a-f]{2})+|[^ ]/g)].map(([word]) => word)
  return words.map((word) => {
    if (/["'\n]|\\(?!x)/.test(word) || word === ';') fail(word)
    const text = word.replaceAll(/\\x(..)/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
    const specified = text.replaceAll(/%(.?)/gs, (_, next) => (next === '%' ? '%' : fail('a specifier')))
    return dollars
      ? specified.replaceAll(/\$(.?)/gs, (_, next) => (next === '$' ? '$' : fail('a variable')))
      : specified
  })
}
