import { DeclarationError } from '../errors.ts'
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

/** These resources are changed under a dead-man switch, together. @throws DeclarationError */
export const underDeadMan = (deadMan: DeadMan, ...resources: readonly Resource[]): readonly Resource[] => {
  if (!/^[A-Za-z0-9-]+$/.test(deadMan.name))
    throw new DeclarationError(`${JSON.stringify(deadMan.name)} is not the name of a dead-man switch`, {
      hint: 'use letters, digits and dashes',
    })
  return resources.map((resource) => Object.freeze({ ...resource, deadMan }))
}
