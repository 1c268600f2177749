import { BlockList } from 'node:net'
import { type Finding, type Host, z } from '../../core/index.ts'

/** 127.0.0.0/8, 0.0.0.0/8, ::1 and ::, however they are written. */
const itself = new BlockList()
itself.addSubnet('127.0.0.0', 8)
itself.addSubnet('0.0.0.0', 8)
itself.addSubnet('::', 127, 'ipv6')

const isItself = (address: string): boolean => itself.check(address, address.includes(':') ? 'ipv6' : 'ipv4')

/** Resolvers that CoreDNS asks for all other names. As many as its `forward` takes. Source: CoreDNS, plugin forward. */
export const upstreamsSchema = z
  .array(
    z
      .union([z.ipv4(), z.ipv6()], { error: 'must be an IP address, such as 185.12.64.1' })
      .refine((address) => !isItself(address), {
        error: ({ input }) =>
          `${input} is the host itself, whose own resolver asks CoreDNS: that would be a loop. Name resolvers of your provider`,
      }),
  )
  .min(1, 'must name at least one resolver: CoreDNS asks nobody else for public names')
  .max(15, 'must be 15 at most: CoreDNS takes no more')

/** An upstream that is a node of the cluster asks back, or its own upstreams: the schema does not know the nodes. */
export const loops = (upstreams: readonly string[], hosts: readonly Host[]): readonly Finding[] =>
  hosts
    .filter(({ privateIp }) => upstreams.includes(privateIp))
    .map(({ name, privateIp }) => ({
      level: 'error',
      message: `its upstream ${privateIp} is the CoreDNS of ${name}, a node of this cluster: that would be a loop`,
      hint: 'name resolvers of your provider in vars: { coredns: { upstreams: […] } }',
    }))
