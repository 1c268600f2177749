import type { Resource } from './resource.ts'

/**
 * What undoes a change that may lock us out: the change is made only once a timer on the host is armed that undoes it,
 * and the timer is stopped only over a new connection.
 */
export type DeadMan = Readonly<{
  /** A short name, such as `netplan`; letters, digits and dashes. */
  name: string
  /** A fragment that keeps what the change will overwrite; its working directory is private, and empty at first. */
  save: string
  /** A fragment that puts it back and makes it effective; its working directory is the same. */
  restore: string
  /** Seconds until the change is undone unless a new connection confirms it. Default 60. */
  within?: number
}>

/** These resources are changed under a dead-man switch, together. */
export const underDeadMan = (deadMan: DeadMan, ...resources: readonly Resource[]): readonly Resource[] =>
  resources.map((resource) => Object.freeze({ ...resource, deadMan }))
