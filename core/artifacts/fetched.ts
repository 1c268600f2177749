import { Agent, fetch, type Response } from 'undici'

// Given each time, or undici takes the one that Node keeps for itself.
const dispatcher = new Agent()

/**
 * A GET, by `fetch`. That of Node 24 (undici 7) kills the process when a server closes its connection while we are still
 * writing what it sent. Source: github.com/nodejs/undici, issue 5360.
 */
export const get = (url: string, seconds: number): Promise<Response> =>
  fetch(url, { signal: AbortSignal.timeout(seconds * 1000), dispatcher })

/** Why `fetch` failed: it hides that behind "fetch failed". */
export const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError) return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message || error.name
}

/** Whether what came begins as a page of a portal does. */
export const isHtml = (head: string): boolean => /<!doctype html|<html/i.test(head.slice(0, 256))
