/** Readers of the syntaxes, written from their documents and not from our writers: what a file says, or an error. */

const fail = (why: string): never => {
  throw new SyntaxError(why)
}

const SIMPLE: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' }

/** One quoted template of HCL 2 that is literal text. Source: hclsyntax/spec.md, "Template Literals". */
export const readHcl = (source: string): string => {
  if (!/^".*"$/s.test(source)) return fail('no string')
  let [text, rest] = ['', source.slice(1, -1)]
  while (rest !== '') {
    const [all, letter, digits] =
      /^\\(?:([nrt"\\])|u([0-9a-f]{4})|U([0-9a-f]{8}))/i
        .exec(rest)
        ?.map((part, index, parts) => (index === 2 ? (part ?? parts[3]) : part)) ?? []
    if (all === undefined && /^(["\\\n\r]|[$%]\{)/.test(rest)) return fail(`at ${rest}`)
    text +=
      all === undefined ? rest[0] : (SIMPLE[letter ?? ''] ?? String.fromCodePoint(Number.parseInt(digits ?? '', 16)))
    rest = rest.slice((all ?? ' ').length)
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
  const words = [...line.matchAll(/(?:[^\s"'\\]|\\x[0-9a-f]{2})+|[^ ]/g)].map(([word]) => word)
  return words.map((word) => {
    if (/["'\n]|\\(?!x)/.test(word) || word === ';') fail(word)
    const text = word.replaceAll(/\\x(..)/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
    const specified = text.replaceAll(/%(.?)/gs, (_, next) => (next === '%' ? '%' : fail('a specifier')))
    return dollars
      ? specified.replaceAll(/\$(.?)/gs, (_, next) => (next === '$' ? '$' : fail('a variable')))
      : specified
  })
}
