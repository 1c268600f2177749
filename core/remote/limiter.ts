/** Does some work, at once or when it is its turn. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>

/** Lets at most `count` pieces of work go on at once; the others wait their turn. */
export const limiter = (count: number): Limit => {
  const waiting: (() => void)[] = []
  let free = count
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    else free--
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
