/** Why `fetch` failed: it hides that behind "fetch failed". */
export const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError) return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message || error.name
}

/** Whether what came begins as a page of a portal does. */
export const isHtml = (head: string): boolean => /<!doctype html|<html/i.test(head.slice(0, 256))
