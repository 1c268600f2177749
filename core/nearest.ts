/** The candidate that was probably meant, or undefined when none is near. */
export const nearest = (word: string, candidates: readonly string[]): string | undefined => {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined
}

/** ` (did you mean "docker"?)`, or the valid ones where none is near and they are few, else an empty string. */
export const didYouMean = (word: string, candidates: readonly string[]): string => {
  const best = nearest(word, candidates)
  if (best !== undefined) return ` (did you mean "${best}"?)`
  return candidates.length > 0 && candidates.length <= 12 ? ` (valid: ${candidates.join(', ')})` : ''
}

// Levenshtein's distance, one row at a time; words are cut so that hostile input stays cheap.
const editDistance = (one: string, other: string): number => {
  const [a, b] = [one.slice(0, 64), other.slice(0, 64)]
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
