/** Which lines of dig hold an address, and which say why there is none. Source: dig(1), +comments, +answer. */
const AWK = `
$4 == "A" { print $5; found = 1 }
/status: / { sub(/.*status: /, ""); sub(/,.*/, ""); why = $0 ", and no address" }
/;; communications error|no servers could be reached/ && !why { why = $0 }
END { if (!found) print why; exit !found }`

/**
 * Prints the IPv4 addresses that a name has at a server, a line each, and fails with the reason where it has none: dig
 * itself is content with NXDOMAIN. The caller knows both to be plain.
 */
export const addressesOf = (name: string, server: string): string =>
  `dig +noall +comments +answer +time=2 +tries=1 @${server} ${name} A | awk '${AWK}'`
