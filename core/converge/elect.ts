import { Unknown } from '../declare/resource.ts'
import type { Member } from './crew.ts'

/**
 * Gives each cluster resource to one member: the first, in inventory order, that could observe it, or the first of all
 * where nobody could. The others keep it in reserve.
 */
export const elect = (members: readonly Member[]): void => {
  const owners = new Map<string, Member>()
  for (const member of members) {
    for (const { identity, resource } of member.compiled) {
      if (!resource.one) continue
      const owner = owners.get(identity)
      const better =
        owner !== undefined && Unknown.is(owner.haves.get(identity)) && !Unknown.is(member.haves.get(identity))
      if (owner === undefined || better) owners.set(identity, member)
    }
  }
  for (const member of members) {
    member.entries = member.compiled.filter(
      ({ identity, resource }) => !resource.one || owners.get(identity) === member,
    )
  }
}
